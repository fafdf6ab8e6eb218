-- title: rows that broke a rule of the models and wait in quarantine
-- needs: rpt_quarantine_summary
-- The values stay in the quarantine: only the rule and a count are told.
select
    held.entity_name as subject,
    held.reason_code as part,
    case when held.severity = 'critical' then 'error' else 'warning' end as severity,
    held.quarantined_row_count || ' row(s) of ' || held.entity_name || ' are in quarantine: ' || held.reason_code as headline,
    held.meaning as detail,
    'quarantine_' || held.entity_name as node,
    null as owner_team
from {rpt_quarantine_summary} as held
where held.quarantined_row_count > 0
