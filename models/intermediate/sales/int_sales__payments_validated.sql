{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='order_id',
    on_schema_change='fail',
    pre_hook="{{ delete_landed_tombstones(this, ref('stg_atom__payments'), 'payment_id', 'atom_landed_at') }}"
) }}

with all_payments as (

    select * from {{ ref('stg_atom__payments') }}

),

all_orders as (

    select * from {{ ref('stg_atom__orders') }}

),

all_lines as (

    select * from {{ ref('stg_atom__order_lines') }}

),

rejected as (

    select * from {{ ref('stg_ops__dead_letters') }}

),

rates as (

    select * from {{ ref('exchange_rates') }}

),

{% if is_incremental_run() %}
lookback as (

    select {{ lookback_start('existing.atom_landed_at') }} as started_at from {{ this }} as existing

),

-- A payment is judged with its order and the other payments of it, so it is judged again when any of them changes.
orders_to_judge as (

    {% for part in ['all_payments', 'all_orders', 'all_lines'] %}
    select order_id from {{ part }}
    where landed_at >= (select lookback.started_at from lookback)
    union
    {% endfor %}
    select existing.order_id from {{ this }} as existing
    where existing.reason_codes is not null

),
{% endif %}

{% for part in ['payments', 'orders', 'lines'] %}
{{ part }} as (

    select * from all_{{ part }}
    where not is_deleted
        {% if is_incremental_run() %}
        and order_id in (select orders_to_judge.order_id from orders_to_judge)
        {% endif %}

),

{% endfor %}
order_totals as (

    select
        order_id,
        cast(sum(net_amount + tax_amount) as decimal(18, 4)) as order_total_amount
    from lines
    group by order_id

),

-- A line that was refused at landing is missing from its order's total. Its key reads order/line.
incomplete_orders as (

    select distinct split_part(record_key, '/', 1) as order_id
    from rejected
    where is_open and source_name = 'atom' and dataset_name = 'order_lines'

),

joined as (

    select
        payments.*,
        orders.order_id is not null as has_order,
        orders.customer_id as order_customer_id,
        orders.currency_code as order_currency_code,
        orders.ordered_at,
        order_totals.order_total_amount,
        incomplete_orders.order_id is not null as has_rejected_lines,
        cast(sum(payments.payment_amount) over (
            partition by payments.order_id order by payments.paid_at, payments.payment_id
            rows between unbounded preceding and current row
        ) as decimal(18, 4)) as paid_so_far_amount,
        row_number() over (
            partition by
                payments.order_id, payments.payment_amount, payments.payment_method, cast(payments.paid_at as date)
            order by payments.paid_at, payments.payment_id
        ) as repetition,
        rates.gbp_per_unit,
        {{ in_gbp('payments.payment_amount') }} as payment_amount_gbp,
        {{ run_stamp() }} as validated_at,
        cast({{ dbt.dateadd('day', 1, as_of_date()) }} as {{ dbt.type_timestamp() }}) as tomorrow_at,
        greatest(payments.landed_at, coalesce(orders.landed_at, payments.landed_at)) as atom_landed_at
    from payments
    left join orders on payments.order_id = orders.order_id
    left join order_totals on payments.order_id = order_totals.order_id
    left join incomplete_orders on cast(payments.order_id as {{ dbt.type_string() }}) = incomplete_orders.order_id
    left join rates on {{ rate_at('payments.currency_code', 'payments.paid_at') }}

),

final as (

    {{ evaluate_rules('joined') }}

)

select * from final
