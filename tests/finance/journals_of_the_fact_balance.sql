select
    source_system,
    journal_id,
    cast(sum(net_amount_gbp) as decimal(28, 4)) as balance_gbp
from {{ ref('fct_journal_lines') }}
group by source_system, journal_id
having cast(sum(net_amount_gbp) as decimal(28, 4)) <> 0
