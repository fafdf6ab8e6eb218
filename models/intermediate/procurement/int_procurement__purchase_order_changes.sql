-- Whatever part of an order lands again, the whole order is to be looked at again.
{% set parts = [
    ref('stg_sap__purchase_orders'),
    ref('stg_sap__purchase_order_items'),
    ref('stg_sap__purchase_order_schedule_lines'),
    ref('stg_sap__goods_receipts'),
] %}

with final as (

    {% for part in parts %}
    select
        purchase_order_id,
        landed_at
    from {{ part }}
    where purchase_order_id is not null
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

)

select * from final
