-- title: anomalies of the newest day
-- needs: fct_anomalies
select
    found.dataset_name as subject,
    coalesce(found.column_name || ' ', '') || found.signal as part,
    'warning' as severity,
    found.signal || ' of ' || found.dataset_name || coalesce('.' || found.column_name, '') || ' is unusual' as headline,
    'on ' || found.measured_date || ', score ' || printf('%.3f', found.score) as detail,
    found.dataset_name as node,
    null as owner_team
from {fct_anomalies} as found
qualify row_number() over (
        partition by found.dataset_name, found.column_name, found.signal order by found.measured_date desc
    ) = 1
    and found.is_anomaly
