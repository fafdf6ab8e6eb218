with policies as (

    select * from {{ ref('retention_policies') }}

),

measured as (

    select * from {{ ref('stg_ops__retention_due') }}

),

actions as (

    select * from {{ ref('fct_retention_actions') }}

),

purges as (

    select
        dataset_name,
        max(done_at) as last_purged_at
    from actions
    where action_cause = 'retention' and is_complete
    group by dataset_name

),

-- A policy of a layer stands for many datasets.
by_policy as (

    select
        measured.policy_name,
        max(measured.policy_fault) as policy_fault,
        count(*) as dataset_count,
        cast(sum(measured.rows_due) as bigint) as rows_due,
        cast(sum(measured.rows_overdue) as bigint) as rows_overdue,
        cast(sum(measured.rows_due_in_90_days) as bigint) as rows_due_in_90_days,
        cast(sum(measured.rows_held) as bigint) as rows_held,
        min(measured.oldest_due_date) as oldest_due_date,
        max(purges.last_purged_at) as last_purged_at,
        max(measured.measured_at) as measured_at
    from measured
    left join purges on measured.dataset_name = purges.dataset_name
    group by measured.policy_name

),

final as (

    select
        policies.dataset_name,
        policies.applies_to,
        policies.owner_team,
        policies.legal_basis,
        policies.retention_period,
        policies.purge_action,
        by_policy.policy_fault,
        coalesce(by_policy.dataset_count, 0) as dataset_count,
        by_policy.rows_due,
        by_policy.rows_overdue,
        by_policy.rows_due_in_90_days,
        by_policy.rows_held,
        coalesce(by_policy.rows_overdue > 0, false) as is_purge_overdue,
        policies.next_review_date < {{ as_of_date() }} as is_review_overdue,
        by_policy.oldest_due_date,
        cast(policies.next_review_date as date) as next_review_date,
        by_policy.last_purged_at,
        by_policy.measured_at
    from policies
    left join by_policy on policies.dataset_name = by_policy.policy_name

)

select * from final
