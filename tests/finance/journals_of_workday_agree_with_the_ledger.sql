with workday as (

    select
        journal_id,
        cast(sum(debit_amount) as decimal(28, 4)) as debit_amount,
        cast(sum(credit_amount) as decimal(28, 4)) as credit_amount
    from {{ ref('int_erp__journal_lines') }}
    where is_also_in_oracle
    group by journal_id

),

oracle as (

    select
        source_document as journal_id,
        cast(sum(debit_amount) as decimal(28, 4)) as debit_amount,
        cast(sum(credit_amount) as decimal(28, 4)) as credit_amount
    from {{ ref('int_erp__journal_lines') }}
    where source_system = 'oracle' and journal_status <> 'cancelled'
    group by source_document

),

-- A line that was rejected on the way is missing on one side. Keys of letters read journal/line.
incomplete as (

    select distinct split_part(record_key, '/', 1) as journal_id
    from {{ ref('stg_ops__dead_letters') }}
    where is_open and dataset_name in ('gl_journal_lines', 'journal_lines')

),

oracle_incomplete as (

    select distinct journal_lines.source_document as journal_id
    from {{ ref('int_erp__journal_lines') }} as journal_lines
    inner join incomplete on journal_lines.journal_id = incomplete.journal_id

)

select
    workday.journal_id,
    workday.debit_amount as workday_debit_amount,
    oracle.debit_amount as oracle_debit_amount,
    workday.credit_amount as workday_credit_amount,
    oracle.credit_amount as oracle_credit_amount
from workday
inner join oracle on workday.journal_id = oracle.journal_id
left join incomplete on workday.journal_id = incomplete.journal_id
left join oracle_incomplete on workday.journal_id = oracle_incomplete.journal_id
where incomplete.journal_id is null
    and oracle_incomplete.journal_id is null
    and (workday.debit_amount <> oracle.debit_amount or workday.credit_amount <> oracle.credit_amount)
