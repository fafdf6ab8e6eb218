{# Monitors of one column (null_percent, average, max_length ...) per time bucket against their own history; buckets
   without rows have no value. Without `column_anomalies` the defaults for the column's type are taken. #}
{% test column_anomalies(
    model, column_name=none, column_anomalies=none, timestamp_column=none, where_expression=none, anomaly_sensitivity=none,
    anomaly_direction=none, min_training_set_size=none, time_bucket=none, days_back=none, backfill_days=none,
    seasonality=none, sensitivity=none, ignore_small_changes=none, fail_on_zero=none, detection_delay=none,
    anomaly_exclude_metrics=none, detection_period=none, training_period=none, dimensions=none, min_value=none,
    exclude_detection_period_from_training=none
) %}
    {{ config(tags=['elementary-tests']) }}
    {% if not execute or not elementary._runs_tests() %}{{ return(elementary._no_rows()) }}{% endif %}
    {% set wanted = column_name | replace('"', '') | lower %}
    {% set columns = adapter.get_columns_in_relation(elementary._tested_relation(model)) %}
    {% set matching = [] %}
    {% for column in columns if column.name | lower == wanted %}{% do matching.append(column) %}{% endfor %}
    {% if not matching %}
        {% do exceptions.raise_compiler_error("elementary test " ~ context['model'].name ~ ": no column " ~ column_name ~ " in " ~ model) %}
    {% endif %}
    {{ elementary._column_anomalies(model, matching, column_anomalies, {
        'timestamp_column': timestamp_column, 'where_expression': where_expression,
        'anomaly_sensitivity': anomaly_sensitivity, 'anomaly_direction': anomaly_direction,
        'min_training_set_size': min_training_set_size, 'time_bucket': time_bucket, 'days_back': days_back,
        'backfill_days': backfill_days, 'seasonality': seasonality, 'sensitivity': sensitivity,
        'ignore_small_changes': ignore_small_changes, 'fail_on_zero': fail_on_zero, 'detection_delay': detection_delay,
        'anomaly_exclude_metrics': anomaly_exclude_metrics, 'detection_period': detection_period,
        'training_period': training_period, 'dimensions': dimensions, 'min_value': min_value,
        'exclude_detection_period_from_training': exclude_detection_period_from_training
    }) }}
{% endtest %}

{# The same for every column of the table but those whose name starts with exclude_prefix or matches exclude_regexp. #}
{% test all_columns_anomalies(
    model, column_anomalies=none, exclude_prefix=none, exclude_regexp=none, timestamp_column=none, where_expression=none,
    anomaly_sensitivity=none, anomaly_direction=none, min_training_set_size=none, time_bucket=none, days_back=none,
    backfill_days=none, seasonality=none, sensitivity=none, ignore_small_changes=none, fail_on_zero=none,
    detection_delay=none, anomaly_exclude_metrics=none, detection_period=none, training_period=none, dimensions=none,
    min_value=none, exclude_detection_period_from_training=none
) %}
    {{ config(tags=['elementary-tests']) }}
    {% if not execute or not elementary._runs_tests() %}{{ return(elementary._no_rows()) }}{% endif %}
    {% set patterns = [exclude_regexp, '^' ~ modules.re.escape(exclude_prefix) if exclude_prefix else none] | select | list %}
    {% set matching = [] %}
    {% for column in adapter.get_columns_in_relation(elementary._tested_relation(model)) %}
        {% set hits = [] %}
        {% for pattern in patterns if modules.re.match(pattern, column.name, modules.re.IGNORECASE) %}{% do hits.append(pattern) %}{% endfor %}
        {% if not hits %}{% do matching.append(column) %}{% endif %}
    {% endfor %}
    {{ elementary._column_anomalies(model, matching, column_anomalies, {
        'timestamp_column': timestamp_column, 'where_expression': where_expression,
        'anomaly_sensitivity': anomaly_sensitivity, 'anomaly_direction': anomaly_direction,
        'min_training_set_size': min_training_set_size, 'time_bucket': time_bucket, 'days_back': days_back,
        'backfill_days': backfill_days, 'seasonality': seasonality, 'sensitivity': sensitivity,
        'ignore_small_changes': ignore_small_changes, 'fail_on_zero': fail_on_zero, 'detection_delay': detection_delay,
        'anomaly_exclude_metrics': anomaly_exclude_metrics, 'detection_period': detection_period,
        'training_period': training_period, 'dimensions': dimensions, 'min_value': min_value,
        'exclude_detection_period_from_training': exclude_detection_period_from_training
    }) }}
{% endtest %}

{% macro _column_anomalies(model, columns, monitors, arguments) %}
    {% set settings = elementary._anomaly_settings(arguments) %}
    {% set range = elementary._bucket_range(settings) %}
    {% set value = elementary._dimension_value(settings.dimensions) if settings.dimensions else "''" %}
    {% set metrics = [] %}
    {% for column in columns %}
        {% for monitor in elementary._column_monitors(column, monitors) %}
            {% do metrics.append({'column': column, 'monitor': monitor, 'alias': 'metric_' ~ metrics | length}) %}
        {% endfor %}
    {% endfor %}
    {% if not metrics %}{{ return(elementary._no_rows()) }}{% endif %}
    {% set selected = [value ~ ' as dimension_value'] %}
    {% for column in columns %}{% do selected.append(adapter.quote(column.name) ~ ' as tested_' ~ loop.index0) %}{% endfor %}
    {% set aggregates %}
        select
            dimension_value,
            bucket_number
            {% for metric in metrics %}
            , cast({{ elementary._monitor_sql(metric.monitor, 'tested_' ~ columns.index(metric.column)) }} as double precision) as {{ metric.alias }}
            {% endfor %}
        from ({{ elementary._bucketed_rows(model, settings, range, selected) }}) as tested
        group by dimension_value, bucket_number
    {% endset %}
    {% set unpivoted %}
        {% for metric in metrics %}
        select
            {{ elementary._text(metric.monitor) }} as metric_name,
            {{ elementary._text(metric.column.name) }} as column_name,
            aggregates.dimension_value,
            buckets.bucket_start,
            buckets.bucket_end,
            aggregates.{{ metric.alias }} as metric_value
        from ({{ aggregates }}) as aggregates
        inner join ({{ elementary._buckets(settings, range) }}) as buckets
            on aggregates.bucket_number = buckets.bucket_number
        {% if not loop.last %}union all{% endif %}
        {% endfor %}
    {% endset %}
    {{ return(elementary._anomalous_buckets(unpivoted, settings, range)) }}
{% endmacro %}

{# The monitors that fit the column's type, of those asked for. A name that is no monitor at all is an error. #}
{% macro _column_monitors(column, wanted) %}
    {% set any_type = ['null_count', 'null_percent', 'not_null_percent'] %}
    {% set text = ['min_length', 'max_length', 'average_length', 'missing_count', 'missing_percent', 'not_missing_percent'] %}
    {% set number = ['min', 'max', 'zero_count', 'zero_percent', 'not_zero_percent', 'average', 'standard_deviation', 'variance', 'sum'] %}
    {% set boolean = ['count_true', 'count_false'] %}
    {% set unknown = (wanted or []) | reject('in', any_type + text + number + boolean) | list %}
    {% if unknown %}
        {% do exceptions.raise_compiler_error(
            "elementary test " ~ context['model'].name ~ ": unknown monitors " ~ unknown ~ "; there are "
            ~ (any_type + text + number + boolean) | join(', ')
        ) %}
    {% endif %}
    {% set fitting = any_type %}
    {% if column.is_string() %}
        {% set fitting = any_type + text %}
    {% elif column.dtype | lower == 'boolean' %}
        {% set fitting = any_type + boolean %}
    {% elif column.is_number() or column.dtype.split('(')[0] | lower in ['decimal', 'numeric'] %}{# DuckDB says decimal(18,4) #}
        {% set fitting = any_type + number %}
    {% endif %}
    {% if wanted %}{{ return(fitting | select('in', wanted) | list) }}{% endif %}
    {% set not_by_default = ['not_null_percent', 'not_missing_percent', 'not_zero_percent', 'sum'] %}
    {{ return(fitting | reject('in', not_by_default) | list) }}
{% endmacro %}

{% macro _monitor_sql(monitor, column) %}
    {% set as_number = 'cast(' ~ column ~ ' as double precision)' %}
    {% set is_null = 'sum(case when ' ~ column ~ ' is null then 1 else 0 end)' %}
    {% if monitor.endswith('null_count') or monitor.endswith('null_percent') %}
        {% set counted = is_null %}
    {% elif 'zero' in monitor %}
        {% set counted = 'sum(case when ' ~ column ~ ' is null or ' ~ as_number ~ ' = 0 then 1 else 0 end)' %}
    {% elif 'missing' in monitor %}
        {% set counted = "sum(case when " ~ column ~ " is null or trim(" ~ column ~ ") = '' or lower(" ~ column ~ ") = 'null' then 1 else 0 end)" %}
    {% elif monitor == 'count_true' %}
        {% set counted = 'sum(case when ' ~ column ~ ' then 1 else 0 end)' %}
    {% elif monitor == 'count_false' %}
        {% set counted = 'sum(case when not ' ~ column ~ ' then 1 else 0 end)' %}
    {% elif monitor.endswith('_length') %}
        {% set function = {'min_length': 'min', 'max_length': 'max', 'average_length': 'avg'}[monitor] %}
        {{ return(function ~ '(length(' ~ column ~ '))') }}
    {% else %}
        {% set function = {'average': 'avg', 'standard_deviation': 'stddev_samp', 'variance': 'var_samp'}.get(monitor, monitor) %}
        {{ return(function ~ '(' ~ as_number ~ ')') }}
    {% endif %}
    {% set percent = '100.0 * ' ~ counted ~ ' / count(*)' %}
    {% if monitor.startswith('not_') %}
        {{ return('round(100 - ' ~ percent ~ ', 3)') }}
    {% elif monitor.endswith('_percent') %}
        {{ return('round(' ~ percent ~ ', 3)') }}
    {% endif %}
    {{ return(counted) }}
{% endmacro %}
