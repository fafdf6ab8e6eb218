-- title: columns that a table has lost, or that have another type than when it was measured before
-- needs: fct_schema_changes
-- closed: told for seven days
-- What the landing has told is not told again, and a new column of a mart breaks nothing.
select
    changes.dataset_name as subject,
    changes.column_name || ' ' || changes.change_kind as part,
    'error' as severity,
    'column ' || changes.column_name || ' of ' || changes.dataset_name
    || case changes.change_kind when 'removed' then ' is gone' else ' has another type' end as headline,
    'it was ' || changes.old_type || coalesce(', it is ' || changes.new_type, '') || ', seen on ' || changes.measured_date
        as detail,
    changes.dataset_name as node,
    changes.owner_team
from {fct_schema_changes} as changes
where changes.seen_by = 'profile'
    and changes.change_kind in ('removed', 'type_changed')
    and changes.measured_date > current_date - 7
