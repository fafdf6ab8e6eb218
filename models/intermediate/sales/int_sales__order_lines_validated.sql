{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='order_id',
    on_schema_change='fail',
    pre_hook="{{
        delete_landed_tombstones(this, ref('stg_atom__order_lines'), 'order_line_key', 'atom_landed_at')
    }}"
) }}

-- depends_on: {{ ref('snap_workday__workers') }}
with all_lines as (

    select * from {{ ref('stg_atom__order_lines') }}

),

all_orders as (

    select * from {{ ref('stg_atom__orders') }}

),

customers as (

    select * from {{ ref('stg_atom__customers') }}

),

{% for name, model in [
    ('products', 'dim_product'), ('clients', 'dim_client'), ('employees', 'dim_employee'),
    ('rates', 'exchange_rates'), ('tenants', 'tenants'),
] %}
{{ name }} as (

    select * from {{ ref(model) }}

),

{% endfor %}
{% if is_incremental_run() %}
lookback as (

    select {{ lookback_start('existing.atom_landed_at') }} as started_at from {{ this }} as existing

),

orders_to_judge as (

    {{ orders_to_judge(
        'lookback', this, ref('stg_atom__order_lines'), ref('stg_atom__orders'), ref('stg_atom__customers'),
        ref('dim_product'), ref('dim_client'), ref('snap_workday__workers')
    ) }}

),
{% endif %}

lines as (

    select * from all_lines
    where not is_deleted
        {% if is_incremental_run() %}
        and order_id in (select orders_to_judge.order_id from orders_to_judge)
        {% endif %}

),

-- Filtered like the lines, so that an incremental run joins few rows with few.
orders as (

    select * from all_orders
    where not is_deleted
        {% if is_incremental_run() %}
        and order_id in (select orders_to_judge.order_id from orders_to_judge)
        {% endif %}

),

joined as (

    select
        lines.order_line_key,
        coalesce(clients.client_key, {{ unknown_member_key() }}) as client_key,
        coalesce(products.product_key, {{ unknown_member_key() }}) as product_key,
        coalesce(employees.employee_key, {{ unknown_member_key() }}) as employee_key,
        lines.order_id,
        lines.order_line_number,
        lines.product_id,
        orders.customer_id,
        orders.tenant_id,
        orders.sales_rep_id,
        orders.order_status,
        orders.channel,
        orders.currency_code,
        customers.client_id,
        customers.tenant_id as customer_tenant_id,
        customers.currency_code as customer_currency_code,
        lines.ordered_quantity,
        lines.unit_price_amount,
        cast(lines.net_amount + lines.discount_amount as decimal(18, 4)) as gross_amount,
        lines.discount_amount,
        lines.tax_amount,
        lines.net_amount,
        orders.freight_amount,
        rates.gbp_per_unit,
        {{ in_gbp('lines.unit_price_amount') }} as unit_price_amount_gbp,
        {{ in_gbp('products.list_price_amount', 'product_rates') }} as list_price_amount_gbp,
        {{ in_gbp('products.unit_cost_amount', 'product_rates') }} as unit_cost_amount_gbp,
        products.weight_kg as unit_weight_kg,
        orders.order_id is not null as has_order,
        tenants.tenant_id is not null as has_tenant,
        orders.ordered_at,
        orders.shipped_at,
        orders.delivered_at,
        customers.created_at as customer_created_at,
        {{ run_stamp() }} as validated_at,
        cast({{ dbt.dateadd('day', 1, as_of_date()) }} as {{ dbt.type_timestamp() }}) as tomorrow_at,
        lines.row_hash,
        lines.source_ref,
        lines.load_id,
        lines.landed_at,
        greatest(
            lines.landed_at, coalesce(orders.landed_at, lines.landed_at), coalesce(customers.landed_at, lines.landed_at)
        ) as atom_landed_at
    from lines
    left join orders on lines.order_id = orders.order_id
    -- Deleted customers too: an order of the past still belongs to its client.
    left join customers on orders.customer_id = customers.customer_id
    left join clients on customers.client_id = clients.client_id and {{ valid_at('orders.ordered_at', 'clients') }}
    left join products on lines.product_id = products.product_id and {{ valid_at('orders.ordered_at', 'products') }}
    left join employees
        on orders.sales_rep_id = employees.employee_id and {{ valid_at('orders.ordered_at', 'employees') }}
    left join rates on {{ rate_at('orders.currency_code', 'orders.ordered_at') }}
    left join rates as product_rates
        on {{ rate_at('products.currency_code', 'orders.ordered_at', 'product_rates') }}
    left join tenants on orders.tenant_id = tenants.tenant_id

),

final as (

    {{ evaluate_rules('joined') }}

)

select * from final
