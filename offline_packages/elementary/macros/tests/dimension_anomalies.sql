{# Row count per time bucket for each value of the dimensions (columns or expressions, joined by '; '), against its own
   history. A value counts as 0 in buckets without it from its first bucket on, so that one that vanishes is seen. #}
{% test dimension_anomalies(
    model, dimensions=none, timestamp_column=none, where_expression=none, anomaly_sensitivity=none, anomaly_direction=none,
    min_training_set_size=none, time_bucket=none, days_back=none, backfill_days=none, seasonality=none, sensitivity=none,
    ignore_small_changes=none, fail_on_zero=none, detection_delay=none, anomaly_exclude_metrics=none,
    detection_period=none, training_period=none, exclude_final_results=none, min_value=none,
    exclude_detection_period_from_training=none
) %}
    {{ config(tags=['elementary-tests']) }}
    {% if not execute or not elementary._runs_tests() %}{{ return(elementary._no_rows()) }}{% endif %}
    {% set settings = elementary._anomaly_settings({
        'dimensions': dimensions, 'timestamp_column': timestamp_column, 'where_expression': where_expression,
        'anomaly_sensitivity': anomaly_sensitivity, 'anomaly_direction': anomaly_direction,
        'min_training_set_size': min_training_set_size, 'time_bucket': time_bucket, 'days_back': days_back,
        'backfill_days': backfill_days, 'seasonality': seasonality, 'sensitivity': sensitivity,
        'ignore_small_changes': ignore_small_changes, 'fail_on_zero': fail_on_zero, 'detection_delay': detection_delay,
        'anomaly_exclude_metrics': anomaly_exclude_metrics, 'detection_period': detection_period,
        'training_period': training_period, 'exclude_final_results': exclude_final_results, 'min_value': min_value,
        'exclude_detection_period_from_training': exclude_detection_period_from_training
    }) %}
    {% if not settings.dimensions %}
        {% do exceptions.raise_compiler_error("elementary test " ~ context['model'].name ~ ": dimensions is needed: a list of columns") %}
    {% endif %}
    {% set range = elementary._bucket_range(settings) %}
    {% set value = elementary._dimension_value(settings.dimensions) ~ ' as dimension_value' %}
    {% set metrics %}
        select
            'dimension' as metric_name,
            '' as column_name,
            known.dimension_value,
            buckets.bucket_start,
            buckets.bucket_end,
            coalesce(counts.row_count, 0) as metric_value
        from ({{ elementary._buckets(settings, range) }}) as buckets
        inner join (
            select dimension_value, min(bucket_number) as first_bucket
            from ({{ elementary._bucketed_rows(model, settings, range, [value]) }}) as tested
            group by dimension_value
        ) as known
            on buckets.bucket_number >= known.first_bucket
        left join (
            select dimension_value, bucket_number, cast(count(*) as double precision) as row_count
            from ({{ elementary._bucketed_rows(model, settings, range, [value]) }}) as tested
            group by dimension_value, bucket_number
        ) as counts
            on buckets.bucket_number = counts.bucket_number and known.dimension_value = counts.dimension_value
    {% endset %}
    {{ elementary._anomalous_buckets(metrics, settings, range) }}
{% endtest %}

{% macro _dimension_value(dimensions) %}
    {% set parts = [] %}
    {% for dimension in dimensions %}
        {% if parts %}{% do parts.append("'; '") %}{% endif %}
        {% do parts.append('coalesce(cast(' ~ dimension ~ ' as ' ~ dbt.type_string() ~ "), 'NULL')") %}
    {% endfor %}
    {{ return(dbt.concat(parts)) }}
{% endmacro %}
