-- title: data that is kept longer than its policy says, and policies that nobody has looked at in time
-- needs: rpt_retention_due
select
    dataset_name as subject,
    'purge' as part,
    'error' as severity,
    case
        when policy_fault is not null then 'the retention policy of ' || dataset_name || ' cannot be applied'
        else rows_overdue || ' rows of ' || dataset_name || ' should have been purged'
    end as headline,
    coalesce(
        policy_fault,
        'kept ' || retention_period || ', the oldest of ' || oldest_due_date || '; ' || rows_due || ' are due, last purged '
        || coalesce(strftime(last_purged_at, '%Y-%m-%d'), 'never') || '. Remedy: make purge CONFIRM=yes'
    ) as detail,
    regexp_replace(dataset_name, '^raw_', '') as node,
    owner_team
from {rpt_retention_due}
where is_purge_overdue or policy_fault is not null
union all
select
    dataset_name as subject,
    'review' as part,
    'warning' as severity,
    'the retention policy of ' || dataset_name || ' is due for review' as headline,
    'since ' || next_review_date || '. Remedy: look at it and set next_review_date in retention_policies.csv' as detail,
    regexp_replace(dataset_name, '^raw_', '') as node,
    owner_team
from {rpt_retention_due}
where is_review_overdue
