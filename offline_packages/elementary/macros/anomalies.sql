{# Returns the anomalous buckets of the detection period.
   `metrics` is SQL with metric_name, column_name, dimension_value, bucket_start, bucket_end, metric_value.
   A bucket's score is its distance from the mean of all buckets up to and including itself, in sample standard
   deviations; each metric, column, dimension value (and season) has its own series. Series shorter than
   min_training_set_size buckets, or without any variation, are not judged. #}
{% macro _anomalous_buckets(metrics, settings, range) %}
    {% set season = {
        'day_of_week': elementary._weekday('bucket_end'),
        'hour_of_day': 'extract(hour from bucket_end)',
        'hour_of_week': elementary._weekday('bucket_end') ~ ' * 24 + extract(hour from bucket_end)',
    }.get(settings.seasonality, '0') %}
    {% set training_value = 'metric_value' %}
    {% if settings.exclude_detection_period_from_training %}
        {% set detection_start = range.end - modules.datetime.timedelta(settings.detection_days) %}
        {% set training_value = 'case when bucket_end <= ' ~ elementary._timestamp(detection_start) ~ ' then metric_value end' %}
    {% endif %}
    {% set history %}over (
            partition by metric_name, column_name, dimension_value, season
            order by bucket_end rows between unbounded preceding and current row
        ){% endset %}
    with metrics as (
        {{ metrics }}
    ),

    series as (
        select
            *,
            bucket_start as metric_time_bucket,
            cast(bucket_start as date) as metric_date,
            {{ season }} as season
        from metrics
        where metric_value is not null
    ),

    training as (
        select
            *,
            avg({{ training_value }}) {{ history }} as training_avg,
            stddev_samp({{ training_value }}) {{ history }} as training_stddev,
            count({{ training_value }}) {{ history }} as training_set_size
        from series
        {% if settings.anomaly_exclude_metrics %}where not coalesce({{ settings.anomaly_exclude_metrics }}, false){% endif %}
    ),

    scores as (
        select
            *,
            max(bucket_end) over () as last_bucket_end,
            case when training_stddev = 0 then 0 else (metric_value - training_avg) / training_stddev end as anomaly_score
        from training
        where training_stddev is not null and training_set_size >= {{ [settings.min_training_set_size, 2] | max }}
    )

    select
        metric_name,
        column_name,
        dimension_value,
        bucket_start,
        bucket_end,
        metric_value,
        training_avg,
        training_stddev,
        training_set_size,
        anomaly_score
    from scores
    where
        bucket_end > {{ dbt.dateadd('day', -settings.detection_days, 'last_bucket_end') }}
        and ({{ elementary._anomaly_condition(settings) }})
        {% if settings.exclude_final_results %}and ({{ settings.exclude_final_results }}){% endif %}
{% endmacro %}

{# Freshness is only ever too old: for it the direction is always a spike. #}
{% macro _anomaly_condition(settings) %}
    {% set sensitivity = settings.anomaly_sensitivity %}
    {% set spike = 'anomaly_score > ' ~ sensitivity %}
    {% set drop = 'anomaly_score < -' ~ sensitivity ~ " and metric_name <> 'freshness'" %}
    {% set far = {'spike': spike, 'drop': drop}.get(settings.anomaly_direction, spike ~ ' or ' ~ drop) %}
    {% set far = '(' ~ far ~ " or (metric_name = 'freshness' and " ~ spike ~ '))' %}

    {% set limits = [] %}
    {% set small = settings.ignore_small_changes %}
    {% if small.spike_failure_percent_threshold and settings.anomaly_direction != 'drop' %}
        {% do limits.append('metric_value > training_avg * ' ~ (1 + small.spike_failure_percent_threshold / 100)) %}
    {% endif %}
    {% if small.drop_failure_percent_threshold and settings.anomaly_direction != 'spike' %}
        {% do limits.append('metric_value < training_avg * ' ~ (1 - small.drop_failure_percent_threshold / 100)) %}
    {% endif %}
    {% if limits %}{% set far = far ~ ' and (' ~ limits | join(' or ') ~ ')' %}{% endif %}
    {% if settings.min_value is not none %}{% set far = far ~ ' and metric_value >= ' ~ settings.min_value %}{% endif %}
    {{ return('metric_value = 0 or (' ~ far ~ ')' if settings.fail_on_zero else far) }}
{% endmacro %}

{# 0 (Sunday) to 6, whatever the session's week start. #}
{% macro _weekday(timestamp) %}
    {{ return(adapter.dispatch('_weekday', 'elementary')(timestamp)) }}
{% endmacro %}

{% macro default___weekday(timestamp) %}
    {{ return('extract(dow from ' ~ timestamp ~ ')') }}
{% endmacro %}

{% macro snowflake___weekday(timestamp) %}
    {{ return('mod(extract(dayofweekiso from ' ~ timestamp ~ '), 7)') }}
{% endmacro %}

{# What a generic test returns where nothing is to be judged: while parsing and outside test commands. #}
{% macro _no_rows() %}
    {{ return('select 1 as nothing_to_judge where 1 = 0') }}
{% endmacro %}
