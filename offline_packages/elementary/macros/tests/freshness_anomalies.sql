{# Longest wait for new rows, in seconds, per time bucket: the longest gap that ended in it, or the time since the last
   row at its end, whichever is longer. A week before the first bucket is read so that its first gap is known. #}
{% test freshness_anomalies(
    model, timestamp_column=none, where_expression=none, anomaly_sensitivity=none, anomaly_direction=none,
    min_training_set_size=none, time_bucket=none, days_back=none, backfill_days=none, seasonality=none, sensitivity=none,
    ignore_small_changes=none, detection_delay=none, anomaly_exclude_metrics=none, detection_period=none,
    training_period=none, exclude_detection_period_from_training=none
) %}
    {{ config(tags=['elementary-tests']) }}
    {% if not execute or not elementary._runs_tests() %}{{ return(elementary._no_rows()) }}{% endif %}
    {% set settings = elementary._anomaly_settings({
        'timestamp_column': timestamp_column, 'where_expression': where_expression,
        'anomaly_sensitivity': anomaly_sensitivity, 'anomaly_direction': anomaly_direction,
        'min_training_set_size': min_training_set_size, 'time_bucket': time_bucket, 'days_back': days_back,
        'backfill_days': backfill_days, 'seasonality': seasonality, 'sensitivity': sensitivity,
        'ignore_small_changes': ignore_small_changes, 'detection_delay': detection_delay,
        'anomaly_exclude_metrics': anomaly_exclude_metrics, 'detection_period': detection_period,
        'training_period': training_period,
        'exclude_detection_period_from_training': exclude_detection_period_from_training
    }) %}
    {% set range = elementary._bucket_range(settings) %}
    {% set moment = 'cast(' ~ settings.timestamp_column ~ ' as ' ~ dbt.type_timestamp() ~ ')' %}
    {% set week_before = range.start - modules.datetime.timedelta(7) %}
    {% set previous = 'lag(updated_at) over (order by updated_at)' %}
    {% set metrics %}
        select
            'freshness' as metric_name,
            '' as column_name,
            '' as dimension_value,
            bucket_start,
            bucket_end,
            cast(case
                when longest_gap > {{ dbt.datediff('last_update', 'bucket_end', 'second') }} then longest_gap
                else {{ dbt.datediff('last_update', 'bucket_end', 'second') }}
            end as double precision) as metric_value
        from (
            select
                buckets.bucket_start,
                buckets.bucket_end,
                max(case when gaps.bucket_number = buckets.bucket_number then gaps.longest_gap end) as longest_gap,
                max(gaps.last_update) as last_update
            from ({{ elementary._buckets(settings, range) }}) as buckets
            left join (
                select
                    {{ elementary._bucket_number(settings, range, 'updated_at') }} as bucket_number,
                    max(updated_at) as last_update,
                    max(gap) as longest_gap
                from (
                    select updated_at, {{ dbt.datediff(previous, 'updated_at', 'second') }} as gap
                    from (
                        select distinct {{ moment }} as updated_at
                        from {{ model }}
                        where {{ moment }} >= {{ elementary._timestamp(week_before) }}
                            {% if settings.where_expression %}and ({{ settings.where_expression }}){% endif %}
                    ) as updates
                ) as update_gaps
                group by 1
            ) as gaps
                on buckets.bucket_number >= gaps.bucket_number
            group by buckets.bucket_start, buckets.bucket_end
        ) as waits
        where last_update is not null
    {% endset %}
    {{ elementary._anomalous_buckets(metrics, settings, range) }}
{% endtest %}
