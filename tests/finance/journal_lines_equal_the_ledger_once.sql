-- Counted from staging, not from the models that the fact is made of.
{% set measures = ['debit_amount_gbp', 'credit_amount_gbp', 'debit_amount', 'credit_amount'] %}

with handed_over as (

    select distinct source_document as journal_id
    from {{ ref('stg_oracle__gl_journal_lines') }}
    where journal_status <> 'cancelled' and source_document is not null

),

ledger as (

    select
        'oracle' as source_system,
        journal_status,
        gl_account_id,
        {{ measures | join(', ') }}
    from {{ ref('stg_oracle__gl_journal_lines') }}
    union all
    select
        'workday' as source_system,
        workday_lines.journal_status,
        workday_lines.gl_account_id,
        workday_lines.debit_amount_gbp,
        workday_lines.credit_amount_gbp,
        workday_lines.debit_amount,
        workday_lines.credit_amount
    from {{ ref('stg_workday__journal_lines') }} as workday_lines
    left join handed_over on workday_lines.journal_id = handed_over.journal_id
    where handed_over.journal_id is null

),

told as (

    select
        source_system,
        journal_status,
        gl_account_id,
        {{ measures | join(', ') }}
    from {{ ref('fct_journal_lines') }}
    union all
    select
        source_system,
        journal_status,
        gl_account_id,
        {{ measures | join(', ') }}
    from {{ ref('quarantine_journal_lines') }}

),

{% for side in ['ledger', 'told'] %}
{{ side }}_sums as (

    select
        source_system,
        journal_status,
        gl_account_id,
        {% for measure in measures %}
        cast(coalesce(sum({{ measure }}), 0) as decimal(28, 4)) as {{ measure }},
        {% endfor %}
        count(*) as line_count
    from {{ side }}
    group by source_system, journal_status, gl_account_id

),
{% endfor %}

missing as (

    select * from ledger_sums
    except
    select * from told_sums

),

surplus as (

    select * from told_sums
    except
    select * from ledger_sums

)

select * from missing
union all
select * from surplus
