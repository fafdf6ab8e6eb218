{% set transactions = [
    ref('stg_sap__purchase_orders'),
    ref('stg_oracle__ap_invoices'),
    ref('stg_oracle__requisition_lines'),
    ref('stg_scm_legacy__shipments_alpha'),
    ref('stg_scm_legacy__shipments_beta'),
] %}

with final as (

    {% for transaction in transactions %}
    select supplier_id from {{ transaction }}
    where supplier_id is not null
    {% if not loop.last %}union{% endif %}
    {% endfor %}

)

select * from final
