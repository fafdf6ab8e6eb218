{% set transactions = [
    ref('stg_workday__travel_expenses'),
    ref('stg_incentive__payouts'),
] %}

with final as (

    {% for transaction in transactions %}
    select employee_id from {{ transaction }}
    where employee_id is not null
    union
    {% endfor %}
    -- A manager is a worker too, and may stand outside the report's population.
    select manager_id as employee_id from {{ ref('stg_workday__workers') }}
    where manager_id is not null

)

select * from final
