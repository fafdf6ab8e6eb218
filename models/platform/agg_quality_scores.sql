-- The trend is a Mann-Kendall test, two-sided at five percent, corrected for equal scores: docs/observability.md.
{% set trend_days = var('quality_trend_days') | int %}
{% set dimensions = ['completeness', 'validity', 'uniqueness', 'consistency', 'timeliness'] %}

with dimensions as (

    select * from {{ ref('fct_quality_dimensions') }}

),

weights as (

    select
        max(case when dimension_name = 'completeness' then weight end) as completeness_weight,
        max(case when dimension_name = 'validity' then weight end) as validity_weight,
        max(case when dimension_name = 'uniqueness' then weight end) as uniqueness_weight,
        max(case when dimension_name = 'consistency' then weight end) as consistency_weight,
        max(case when dimension_name = 'timeliness' then weight end) as timeliness_weight
    from {{ ref('quality_weights') }}

),

-- A dimension that cannot be measured leaves its weight to the others.
scored as (

    select
        dimensions.*,
        cast((
            {% for name in dimensions %}
            coalesce(cast(dimensions.{{ name }} as double) * weights.{{ name }}_weight, 0){{ ' +' if not loop.last }}
            {% endfor %}
        ) / nullif(
            {% for name in dimensions %}
            case when dimensions.{{ name }} is null then 0 else weights.{{ name }}_weight end{{ ' +' if not loop.last }}
            {% endfor %},
            0
        ) as decimal(5, 2)) as quality_score
    from dimensions
    cross join weights

),

-- The scores of the last days up to each day.
members as (

    select
        scored.quality_score_key,
        earlier.measured_date,
        earlier.quality_score
    from scored
    inner join scored as earlier
        on scored.dataset_name = earlier.dataset_name
        and scored.tenant_id = earlier.tenant_id
        and scored.measured_date >= earlier.measured_date
        and scored.measured_date < {{ dbt.dateadd('day', trend_days, 'earlier.measured_date') }}
    where earlier.quality_score is not null

),

compared as (

    select
        members.quality_score_key,
        members.measured_date,
        sum(case
            when later.measured_date <= members.measured_date then 0
            when later.quality_score > members.quality_score then 1
            when later.quality_score < members.quality_score then -1
            else 0
        end) as signs,
        sum(case when later.quality_score = members.quality_score then 1 else 0 end) as equals
    from members
    inner join members as later on members.quality_score_key = later.quality_score_key
    group by members.quality_score_key, members.measured_date

),

-- Each of t equal scores carries its part of the correction t (t - 1) (2 t + 5).
sums as (

    select
        quality_score_key,
        count(*) as day_count,
        cast(sum(signs) as double) as s,
        (
            count(*) * (count(*) - 1) * (2 * count(*) + 5) - sum((equals - 1) * (2 * equals + 5))
        ) / cast(18 as double) as variance
    from compared
    group by quality_score_key

),

trends as (

    select
        quality_score_key,
        case
            when variance = 0 or s = 0 then 0
            when s > 0 then (s - 1) / sqrt(variance)
            else (s + 1) / sqrt(variance)
        end as z
    from sums
    -- Below eight values the normal approximation of the test is none.
    where day_count >= 8

),

final as (

    select
        scored.quality_score_key,
        scored.dataset_name,
        scored.dataset_kind,
        scored.tenant_id,
        scored.owner_team,
        scored.measured_date,
        case
            when trends.z > 1.96 then 'improving'
            when trends.z < -1.96 then 'degrading'
            when trends.z is not null then 'steady'
        end as trend,
        scored.row_count,
        {% for name in dimensions %}
        scored.{{ name }},
        {% endfor %}
        scored.quality_score,
        cast(trends.z as decimal(9, 4)) as trend_z,
        coalesce(scored.quality_score < {{ var('quality_alert_below') | int }}, false) as is_alert,
        scored.measured_at
    from scored
    left join trends on scored.quality_score_key = trends.quality_score_key

)

select * from final
