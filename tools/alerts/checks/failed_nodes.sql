-- title: models, tests, snapshots and seeds whose last run failed
-- needs: dbt_outcomes, dbt_project_nodes
-- What only warned calls nobody, and what was skipped is named as lineage of what failed.
select
    latest.node_id as subject,
    '' as part,
    case when nodes.resource_type in ('test', 'unit_test') then 'error' else 'critical' end as severity,
    case when nodes.resource_type in ('test', 'unit_test') then 'test ' else nodes.resource_type || ' ' end
    || nodes.name || ' failed' as headline,
    -- The message of a test can quote rows, so only its count is told.
    case
        when nodes.resource_type = 'test' and latest.status = 'fail' then coalesce(latest.failures, 0) || ' row(s) break it'
        else 'dbt stopped with an error: see the log of the run'
    end as detail,
    latest.node_id as node,
    null as owner_team
from dbt_outcomes as latest
-- What was taken out of the project is no incident any more.
inner join dbt_project_nodes as nodes on latest.node_id = nodes.node_id
qualify row_number() over (partition by latest.node_id order by latest.ended_at desc, latest.invocation_id desc) = 1
    and latest.status in ('error', 'fail', 'runtime error')
