with journals as (

    select
        source_system,
        journal_id,
        cast(sum(ledger_amount_gbp) as decimal(18, 4)) as balance_gbp
    from {{ ref('int_erp__journal_lines') }}
    group by source_system, journal_id

),

-- A journal with a rejected line cannot balance before the line is replayed. Keys read journal/line.
incomplete as (

    select distinct
        source_name as source_system,
        split_part(record_key, '/', 1) as journal_id
    from {{ ref('stg_ops__dead_letters') }}
    where is_open and dataset_name in ('gl_journal_lines', 'journal_lines')

)

select journals.*
from journals
left join incomplete
    on journals.source_system = incomplete.source_system and journals.journal_id = incomplete.journal_id
where journals.balance_gbp <> 0 and incomplete.journal_id is null
