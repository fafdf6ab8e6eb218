{% set transactions = [
    ref('stg_sap__purchase_order_items'),
    ref('stg_sap__goods_receipts'),
    ref('stg_sap__material_stock'),
    ref('stg_oracle__requisition_lines'),
    ref('stg_scm_legacy__shipments_alpha'),
    ref('stg_scm_legacy__stock_counts'),
    ref('stg_energy__meter_readings'),
] %}

with final as (

    {% for transaction in transactions %}
    select plant_id from {{ transaction }}
    where plant_id is not null
    {% if not loop.last %}union{% endif %}
    {% endfor %}

)

select * from final
