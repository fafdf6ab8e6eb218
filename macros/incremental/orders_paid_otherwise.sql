{# Orders whose lines share another incentive than what is paid for the order today. By what it comes to: a payout may name
   another order, or be judged otherwise, without landing again. One hash join over the orders that were ever paid for. #}
{% macro orders_paid_otherwise(fact, incentives) -%}
    select coalesce(incentives.order_id, shared.order_id) as order_id
    from {{ incentives }} as incentives
    full outer join (
        select
            order_id,
            cast(sum(incentive_amount_gbp) as decimal(18, 4)) as incentive_amount_gbp,
            max(incentive_landed_at) as incentive_landed_at
        from {{ fact }}
        where incentive_landed_at is not null
        group by order_id
    ) as shared on incentives.order_id = shared.order_id
    where incentives.incentive_amount_gbp is distinct from shared.incentive_amount_gbp
        or incentives.incentive_landed_at is distinct from shared.incentive_landed_at
{%- endmacro %}
