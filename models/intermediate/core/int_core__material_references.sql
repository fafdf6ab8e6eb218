{% set transactions = [
    ref('stg_sap__purchase_order_items'),
    ref('stg_sap__goods_receipts'),
    ref('stg_sap__material_stock'),
    ref('stg_oracle__requisition_lines'),
    ref('stg_atom__products'),
    ref('stg_scm_legacy__shipments_alpha'),
    ref('stg_scm_legacy__shipments_beta'),
    ref('stg_scm_legacy__stock_counts'),
] %}

with final as (

    {% for transaction in transactions %}
    select material_id from {{ transaction }}
    where material_id is not null
    {% if not loop.last %}union{% endif %}
    {% endfor %}

)

select * from final
