-- title: sources that have not landed in time
-- needs: dbt_freshness, dbt_project_nodes
select
    latest.node_id as subject,
    '' as part,
    'error' as severity,
    'source ' || split_part(latest.node_id, '.', 3) || '.' || split_part(latest.node_id, '.', 4) || ' is late' as headline,
    coalesce(
        'newest row ' || printf('%.1f', latest.age_hours) || ' hours old, allowed '
        || printf('%.0f', latest.limit_hours) || ', seen ' || strftime(latest.measured_at, '%Y-%m-%d %H:%M') || ' UTC',
        'its age cannot be told: the table is empty or missing'
    ) as detail,
    latest.node_id as node,
    null as owner_team
from dbt_freshness as latest
inner join dbt_project_nodes as nodes on latest.node_id = nodes.node_id
qualify row_number() over (partition by latest.node_id order by latest.measured_at desc, latest.invocation_id desc) = 1
    and latest.status in ('error', 'runtime error')
