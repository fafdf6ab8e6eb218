-- title: measures whose newest point breaks a rule of its control chart
-- needs: fct_spc_points
-- A source that is over its promise is told by stale_sources. Of rows that land, half as many as the day before are an
-- ordinary Sunday, and few after a first load: they have to break a rule. A table that halves overnight has not to.
select
    points.dataset_name as subject,
    points.measure_name as part,
    'warning' as severity,
    points.measure_name || ' of ' || points.dataset_name || ' is out of control' as headline,
    case when points.broken_rules <> '' then 'Nelson rule ' || points.broken_rules else 'a jump by half or more' end
    || ' on ' || points.measured_date || ': ' || printf('%.6g', points.measure_value)
    || coalesce(
        ', limits ' || printf('%.6g', points.lower_limit) || ' to ' || printf('%.6g', points.upper_limit), ''
    ) as detail,
    points.dataset_name as node,
    points.owner_team
from {fct_spc_points} as points
qualify row_number() over (
        partition by points.dataset_name, points.measure_name order by points.measured_date desc
    ) = 1
    and (points.broken_rules <> '' or (points.is_volume_jump and points.measure_name = 'row_count'))
