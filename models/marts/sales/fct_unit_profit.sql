{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='order_id',
    on_schema_change='fail',
    pre_hook="{{ delete_landed_tombstones(
        this, ref('stg_atom__order_lines'), 'order_line_key', 'atom_landed_at',
        also=quarantined_keys(ref('int_sales__order_lines_validated'), 'order_line_key')
    ) }}"
) }}

with validated as (

    select * from {{ ref('int_sales__order_lines_validated') }}

),

incentives as (

    select * from {{ ref('int_sales__incentives_by_order') }}

),

{% if is_incremental_run() %}
-- Reads the lines past their CTE: DuckDB would write down, with all its rows, a CTE that is read twice.
orders_to_refresh as (

    select judged.order_id from {{ ref('int_sales__order_lines_validated') }} as judged
    where {{ written_since('validated_at', this, 'judged') }}
    union
    {{ orders_paid_otherwise(this, 'incentives') }}

),
{% endif %}

lines as (

    select
        validated.*,
        validated.shipped_at is not null as is_shipped,
        validated.order_status = 'returned' as is_returned,
        {{ in_gbp('net_amount', 'validated') }} as net_amount_gbp,
        {{ in_gbp('discount_amount', 'validated') }} as discount_amount_gbp,
        -- An order that was not shipped has sold nothing and cost nothing yet.
        case when validated.shipped_at is null then 0 else validated.freight_amount end as order_freight_amount,
        case when validated.shipped_at is null then 0 else {{ in_gbp('freight_amount', 'validated') }} end
            as order_freight_amount_gbp,
        coalesce(validated.unit_weight_kg, 0) * validated.ordered_quantity as line_weight_kg
    from validated
    where validated.reason_codes is null
        {% if is_incremental_run() %}
        and validated.order_id in (select orders_to_refresh.order_id from orders_to_refresh)
        {% endif %}

),

totals as (

    select
        lines.*,
        coalesce(incentives.incentive_amount_gbp, 0) as order_incentive_amount_gbp,
        incentives.incentive_landed_at
    from lines
    left join incentives on lines.order_id = incentives.order_id

),

allocated as (

    {{ allocate('totals', unit='order_id', order_by='order_line_number', allocations={
        'line_freight_amount': {'total': 'order_freight_amount', 'weight': 'line_weight_kg'},
        'line_freight_amount_gbp': {'total': 'order_freight_amount_gbp', 'weight': 'line_weight_kg'},
        'line_incentive_amount_gbp': {'total': 'order_incentive_amount_gbp', 'weight': 'net_amount'},
    }) }}

),

earned as (

    select
        allocated.*,
        -- A returned order's money goes back; its goods are not put back in stock, so the cost stays, as in the ledger.
        case when allocated.is_shipped and not allocated.is_returned then allocated.net_amount else 0 end
            as revenue_amount,
        case when allocated.is_shipped and not allocated.is_returned then allocated.net_amount_gbp else 0 end
            as revenue_amount_gbp,
        -- Already taken off the revenue; told with it, so that revenue before discount is their sum.
        case when allocated.is_shipped and not allocated.is_returned then allocated.discount_amount else 0 end
            as earned_discount_amount,
        case when allocated.is_shipped and not allocated.is_returned then allocated.discount_amount_gbp else 0 end
            as earned_discount_amount_gbp,
        case
            when allocated.is_shipped
                then {{ amount_product(
                    'allocated.unit_cost_amount_gbp', 'allocated.ordered_quantity', digits=[6, 4], other_digits=[5, 3]
                ) }}
            else 0
        end as cost_amount_gbp
    from allocated

),

final as (

    select
        order_line_key,
        client_key,
        product_key,
        employee_key,
        order_id,
        order_line_number,
        tenant_id,
        currency_code,
        ordered_quantity,
        cast(revenue_amount as decimal(18, 4)) as revenue_amount,
        cast(revenue_amount_gbp as decimal(18, 4)) as revenue_amount_gbp,
        cast(earned_discount_amount as decimal(18, 4)) as discount_amount,
        cast(earned_discount_amount_gbp as decimal(18, 4)) as discount_amount_gbp,
        coalesce(cost_amount_gbp, 0) as cost_amount_gbp,
        line_freight_amount as freight_amount,
        line_freight_amount_gbp as freight_amount_gbp,
        line_incentive_amount_gbp as incentive_amount_gbp,
        cast(
            revenue_amount_gbp - coalesce(cost_amount_gbp, 0) - line_freight_amount_gbp - line_incentive_amount_gbp
            as decimal(18, 4)
        ) as contribution_amount_gbp,
        is_shipped,
        is_returned,
        cost_amount_gbp is not null as has_cost,
        cast(ordered_at as date) as order_date,
        cast(shipped_at as date) as shipped_date,
        validated_at,
        row_hash,
        source_ref,
        load_id,
        landed_at,
        atom_landed_at,
        incentive_landed_at
    from earned

)

select * from final
