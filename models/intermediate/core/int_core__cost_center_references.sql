{% set transactions = [
    ref('stg_workday__workers'),
    ref('stg_workday__travel_expenses'),
    ref('stg_workday__journal_lines'),
    ref('stg_oracle__gl_journal_lines'),
    ref('int_erp__invoice_lines'),
    ref('stg_capacity_plan__planned_headcount'),
    ref('stg_capacity_plan__capability_mapping'),
] %}

with final as (

    {% for transaction in transactions %}
    select cost_center_id from {{ transaction }}
    where cost_center_id is not null
    {% if not loop.last %}union{% endif %}
    {% endfor %}

)

select * from final
