-- title: quality scores that are too low
-- needs: agg_quality_scores
select
    scores.dataset_name as subject,
    scores.tenant_id as part,
    case when scores.quality_score < 60 then 'error' else 'warning' end as severity,
    'quality of ' || scores.dataset_name || case when scores.tenant_id = 'all' then '' else ' for ' || scores.tenant_id end
    || ' is ' || printf('%.1f', scores.quality_score) || ' of 100' as headline,
    'on ' || scores.measured_date || ', ' || coalesce(scores.trend, 'trend not known yet') as detail,
    scores.dataset_name as node,
    scores.owner_team
from {agg_quality_scores} as scores
qualify row_number() over (partition by scores.dataset_name, scores.tenant_id order by scores.measured_date desc) = 1
    and scores.is_alert
