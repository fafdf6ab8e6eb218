{# Row count per time bucket against its own history; a bucket without rows counts as 0. #}
{% test volume_anomalies(
    model, timestamp_column=none, where_expression=none, anomaly_sensitivity=none, anomaly_direction=none,
    min_training_set_size=none, time_bucket=none, days_back=none, backfill_days=none, seasonality=none, sensitivity=none,
    ignore_small_changes=none, fail_on_zero=none, detection_delay=none, anomaly_exclude_metrics=none,
    detection_period=none, training_period=none, exclude_detection_period_from_training=none
) %}
    {{ config(tags=['elementary-tests']) }}
    {% if not execute or not elementary._runs_tests() %}{{ return(elementary._no_rows()) }}{% endif %}
    {% set settings = elementary._anomaly_settings({
        'timestamp_column': timestamp_column, 'where_expression': where_expression,
        'anomaly_sensitivity': anomaly_sensitivity, 'anomaly_direction': anomaly_direction,
        'min_training_set_size': min_training_set_size, 'time_bucket': time_bucket, 'days_back': days_back,
        'backfill_days': backfill_days, 'seasonality': seasonality, 'sensitivity': sensitivity,
        'ignore_small_changes': ignore_small_changes, 'fail_on_zero': fail_on_zero, 'detection_delay': detection_delay,
        'anomaly_exclude_metrics': anomaly_exclude_metrics, 'detection_period': detection_period,
        'training_period': training_period,
        'exclude_detection_period_from_training': exclude_detection_period_from_training
    }) %}
    {% set range = elementary._bucket_range(settings) %}
    {% set metrics %}
        select
            'row_count' as metric_name,
            '' as column_name,
            '' as dimension_value,
            buckets.bucket_start,
            buckets.bucket_end,
            cast(count(tested.bucket_number) as double precision) as metric_value
        from ({{ elementary._buckets(settings, range) }}) as buckets
        left join ({{ elementary._bucketed_rows(model, settings, range, []) }}) as tested
            on buckets.bucket_number = tested.bucket_number
        group by buckets.bucket_start, buckets.bucket_end
    {% endset %}
    {{ elementary._anomalous_buckets(metrics, settings, range) }}
{% endtest %}
