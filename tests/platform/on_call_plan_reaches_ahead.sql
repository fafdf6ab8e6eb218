select
    rota_name,
    max(slot_end_date) as last_planned_date
from {{ ref('on_call') }}
group by rota_name
having max(slot_end_date) < {{ dbt.dateadd('day', 28, as_of_date()) }}
