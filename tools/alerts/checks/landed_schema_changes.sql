-- title: columns that a source added, took away or changed
-- needs: raw_ops.schema_changes
-- closed: told for seven days
-- A change is logged once, however often it is met again, so that it is news for a week and history then.
select
    changes.source || '.' || changes.dataset as subject,
    changes.column_name || ' ' || changes.change as part,
    case when changes.change = 'added' then 'warning' else 'error' end as severity,
    'column ' || changes.column_name || ' of ' || changes.source || '.' || changes.dataset
    || case changes.change
        when 'added' then ' is new'
        when 'removed' then ' is no longer delivered'
        else ' has another type than agreed'
    end as headline,
    case changes.change
        when 'added' then 'it lands as text; the contract decides whether models see it'
        when 'removed' then 'agreed ' || coalesce(changes.old_type, '') || '; it stays empty from now on'
        else 'agreed ' || coalesce(changes.old_type, '') || ', found ' || coalesce(changes.new_type, '')
            || '; records wait in the dead letters until the contract or the source is mended'
    end as detail,
    changes.source || '.' || changes.dataset as node,
    null as owner_team
from {raw_ops.schema_changes} as changes
where changes.detected_at > now() - interval 7 day
