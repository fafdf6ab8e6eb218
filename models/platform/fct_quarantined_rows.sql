-- One line for each quarantine model; the test every_quarantine_model_is_counted finds one that is forgotten.
{% set quarantines = [
    ref('quarantine_balances'),
    ref('quarantine_bank_relationships'),
    ref('quarantine_client_payments'),
    ref('quarantine_clients'),
    ref('quarantine_goods_receipts'),
    ref('quarantine_incentive_payouts'),
    ref('quarantine_interactions'),
    ref('quarantine_invoice_lines'),
    ref('quarantine_journal_lines'),
    ref('quarantine_order_lines'),
    ref('quarantine_order_payments'),
    ref('quarantine_purchase_order_lines'),
    ref('quarantine_requisition_lines'),
    ref('quarantine_schedule_lines'),
    ref('quarantine_shipments'),
    ref('quarantine_sign_ups'),
    ref('quarantine_travel_expenses'),
] %}

with rows_held as (

    {% for quarantine in quarantines %}
    select
        '{{ quarantine.identifier }}' as quarantine_model,
        cast(quarantine_key as {{ dbt.type_string() }}) as quarantine_key,
        cast(entity_name as {{ dbt.type_string() }}) as entity_name,
        cast(record_key as {{ dbt.type_string() }}) as record_key,
        cast(reason_codes as {{ dbt.type_string() }}) as reason_codes,
        cast(severity as {{ dbt.type_string() }}) as severity,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from {{ quarantine }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['quarantine_model', 'quarantine_key']) }} as quarantined_row_key,
        quarantine_model,
        entity_name,
        quarantine_key,
        record_key,
        reason_codes,
        severity,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from rows_held

)

select * from final
