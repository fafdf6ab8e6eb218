-- title: sources whose last load failed
-- needs: raw_ops.loads
select
    last_run.source as subject,
    '' as part,
    'critical' as severity,
    'loading ' || last_run.source || ' failed' as headline,
    'at ' || strftime(last_run.finished_at, '%Y-%m-%d %H:%M') || ' UTC; nothing of that run landed' as detail,
    null as node,
    null as owner_team
from {raw_ops.loads} as last_run
qualify row_number() over (partition by last_run.source order by last_run.finished_at desc, last_run.load_id desc) = 1
    and last_run.status = 'failed'
