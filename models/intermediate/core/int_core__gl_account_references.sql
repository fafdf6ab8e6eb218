{% set transactions = [
    ref('stg_oracle__gl_journal_lines'),
    ref('stg_workday__journal_lines'),
    ref('int_erp__invoice_lines'),
] %}

with final as (

    {% for transaction in transactions %}
    select gl_account_id from {{ transaction }}
    where gl_account_id is not null
    {% if not loop.last %}union{% endif %}
    {% endfor %}

)

select * from final
