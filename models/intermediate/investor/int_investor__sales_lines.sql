with judged_lines as (

    select * from {{ ref('int_sales__order_lines_validated') }}
    where shipped_at is not null and tenant_id is not null

),

orders as (

    select * from {{ ref('stg_atom__orders') }}

),

all_lines as (

    select * from {{ ref('stg_atom__order_lines') }}
    where not is_deleted

),

tenants as (

    select * from {{ ref('tenants') }}

),

-- A field that was refused says nothing: the company's own currency stands in for that of the order.
refused_orders as (

    select
        letters.record_key,
        letters.tenant_id,
        case when letters.reason_codes like '%:currency%' then tenants.currency_code else letters.currency_code end
            as currency_code,
        case when letters.reason_codes not like '%:freight_amount%' then letters.freight_amount end as freight_amount,
        letters.ordered_date,
        letters.shipped_date
    from {{ ref('stg_ops__refused_sales') }} as letters
    inner join tenants on letters.tenant_id = tenants.tenant_id
    where letters.dataset_name = 'orders' and letters.shipped_date is not null

),

refused_products as (

    select * from {{ ref('stg_ops__refused_sales') }}
    where dataset_name = 'products' and reason_codes not like '%:unit_cost%'

),

products as (

    select * from {{ ref('dim_product') }}

),

rates as (

    select * from {{ ref('exchange_rates') }}

),

judged as (

    select
        case when judged_lines.reason_codes is null then 'accepted' else 'quarantined' end as origin,
        judged_lines.order_id,
        judged_lines.order_line_number,
        judged_lines.product_id,
        judged_lines.tenant_id,
        judged_lines.currency_code,
        judged_lines.ordered_quantity,
        judged_lines.net_amount,
        judged_lines.freight_amount,
        {{ in_gbp('judged_lines.net_amount', 'judged_lines') }} as net_amount_gbp,
        {{ in_gbp('judged_lines.freight_amount', 'judged_lines') }} as freight_amount_gbp,
        judged_lines.unit_cost_amount_gbp,
        cast(judged_lines.ordered_at as date) as ordered_date,
        cast(judged_lines.shipped_at as date) as shipped_date,
        -- Atom does not say when goods came back; a returned order was last changed by its return.
        case when judged_lines.order_status = 'returned' then cast(orders.updated_at as date) end as returned_date
    from judged_lines
    left join orders on judged_lines.order_id = orders.order_id

),

refused as (

    select
        'refused' as origin,
        all_lines.order_id,
        all_lines.order_line_number,
        all_lines.product_id,
        refused_orders.tenant_id,
        refused_orders.currency_code,
        all_lines.ordered_quantity,
        all_lines.net_amount,
        refused_orders.freight_amount,
        {{ in_gbp('all_lines.net_amount') }} as net_amount_gbp,
        {{ in_gbp('refused_orders.freight_amount') }} as freight_amount_gbp,
        {{ in_gbp('products.unit_cost_amount', 'product_rates') }} as unit_cost_amount_gbp,
        refused_orders.ordered_date,
        refused_orders.shipped_date,
        cast(null as date) as returned_date
    from all_lines
    inner join refused_orders
        on cast(all_lines.order_id as {{ dbt.type_string() }}) = refused_orders.record_key
    left join products
        on all_lines.product_id = products.product_id and {{ valid_at('refused_orders.ordered_date', 'products') }}
    left join rates on {{ rate_at('refused_orders.currency_code', 'refused_orders.ordered_date') }}
    left join rates as product_rates
        on {{ rate_at('products.currency_code', 'refused_orders.ordered_date', 'product_rates') }}

),

lines as (

    select * from judged
    union all
    select * from refused

),

final as (

    select
        lines.*,
        {{ in_gbp('refused_products.unit_cost_amount', 'product_rates') }} as refused_unit_cost_amount_gbp,
        -- Freight belongs to the order: its first accepted line stands for it, or the first line if none is.
        row_number() over (
            partition by lines.order_id
            order by case when lines.origin = 'accepted' then 0 else 1 end, lines.order_line_number
        ) = 1 as carries_freight
    from lines
    left join refused_products
        on cast(lines.product_id as {{ dbt.type_string() }}) = refused_products.record_key
    left join rates as product_rates
        on {{ rate_at('refused_products.currency_code', 'lines.ordered_date', 'product_rates') }}

)

select * from final
