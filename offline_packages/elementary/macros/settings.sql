{# Reads the arguments of an anomaly test into one dictionary, each from: the test itself, the model's `elementary`
   config or meta, the project's var, the default. Names and defaults are the real package's. #}
{% macro _anomaly_settings(arguments) %}
    {% set defaults = {
        'timestamp_column': none, 'where_expression': none, 'anomaly_sensitivity': 3, 'anomaly_direction': 'both',
        'min_training_set_size': 7, 'time_bucket': {'period': 'day', 'count': 1}, 'days_back': 14, 'backfill_days': 2,
        'seasonality': none, 'ignore_small_changes': {}, 'fail_on_zero': false, 'detection_delay': {'period': 'hour', 'count': 0},
        'anomaly_exclude_metrics': none, 'detection_period': none, 'training_period': none, 'min_value': none,
        'exclude_detection_period_from_training': false, 'exclude_final_results': none, 'dimensions': []
    } %}
    {% set found = {} %}
    {% for name, default in defaults.items() %}
        {% do found.update({name: elementary._setting(name, arguments.get(name), default)}) %}
    {% endfor %}
    {% if arguments.get('sensitivity') %}{% do found.update({'anomaly_sensitivity': arguments.sensitivity}) %}{% endif %}
    {% do elementary._check_settings(found) %}

    {% set bucket = {'period': 'day', 'count': 1} %}
    {% do bucket.update(found.time_bucket) %}
    {% set training_days = elementary._days(found.training_period) or found.days_back %}
    {% if found.seasonality in ['day_of_week', 'hour_of_week'] %}{% set training_days = training_days * 7 %}{% endif %}
    {% set detection_days = elementary._days(found.detection_period) or found.backfill_days %}
    {% do found.update({
        'time_bucket': bucket,
        'training_days': training_days,
        'detection_days': [detection_days, elementary._days(bucket)] | max
    }) %}
    {{ return(found) }}
{% endmacro %}

{% macro _setting(name, value, default) %}
    {% if value is defined and value is not none %}{{ return(value) }}{% endif %}
    {% set node = graph.nodes.get(context['model'].attached_node) or graph.sources.get(context['model'].depends_on.nodes | first) or {} %}
    {% set config = node.get('config', {}) %}
    {% for place in [config.get('elementary'), config.get('meta', {}).get('elementary'), node.get('meta', {}).get('elementary')] %}
        {% if place is mapping and name in place %}{{ return(place[name]) }}{% endif %}
    {% endfor %}
    {% set configured = var(name, none) %}
    {{ return(default if configured is none else configured) }}
{% endmacro %}

{# A period in whole days, rounded up; none for no period. #}
{% macro _days(period) %}
    {% if not period %}{{ return(none) }}{% endif %}
    {% set days = {'hour': 1 / 24, 'day': 1, 'week': 7, 'month': 30}[period.period | default('day', true)] * period.count %}
    {{ return(days | round(0, 'ceil') | int) }}
{% endmacro %}

{% macro _check_settings(found) %}
    {% set problems = [] %}
    {% if not found.timestamp_column %}
        {% do problems.append(
            "timestamp_column is needed: the stand-in computes every bucket from the table and keeps no metrics from run to run"
        ) %}
    {% endif %}
    {% if found.anomaly_direction not in ['both', 'spike', 'drop'] %}
        {% do problems.append("anomaly_direction is both, spike or drop, not '" ~ found.anomaly_direction ~ "'") %}
    {% endif %}
    {% for name in ['time_bucket', 'detection_delay', 'detection_period', 'training_period'] if found[name] %}
        {% set period = found[name] %}
        {% if period is not mapping or period.keys() | reject('in', ['period', 'count']) | list %}
            {% do problems.append(name ~ " has the keys period and count, got " ~ period) %}
        {% elif period.get('period', 'day') not in ['hour', 'day', 'week', 'month'] or (name == 'detection_delay' and period.period == 'month') %}
            {% do problems.append(name ~ ".period cannot be '" ~ period.period ~ "'; choose hour, day, week" ~ (' or month' if name != 'detection_delay')) %}
        {% elif period.get('count', 1) is not integer or period.get('count', 1) < (0 if name == 'detection_delay' else 1) %}
            {% do problems.append(name ~ ".count is a positive whole number, got " ~ period.count) %}
        {% endif %}
    {% endfor %}
    {% set bucket = found.time_bucket if found.time_bucket is mapping else {} %}
    {% set bucket_text = bucket.get('count', 1) ~ ' ' ~ bucket.get('period', 'day') %}
    {% set needed_bucket = {'day_of_week': '1 day', 'hour_of_day': '1 hour', 'hour_of_week': '1 hour'} %}
    {% if found.seasonality and needed_bucket.get(found.seasonality) != bucket_text %}
        {% do problems.append(
            "seasonality '" ~ found.seasonality ~ "' with time_bucket " ~ bucket_text ~ ": possible are " ~ needed_bucket
        ) %}
    {% endif %}
    {% if found.ignore_small_changes.keys() | reject('in', ['spike_failure_percent_threshold', 'drop_failure_percent_threshold']) | list %}
        {% do problems.append("ignore_small_changes has an unknown key: " ~ found.ignore_small_changes) %}
    {% endif %}
    {% if problems %}
        {% do exceptions.raise_compiler_error("elementary test " ~ context['model'].name ~ ": " ~ problems | join('; ')) %}
    {% endif %}
{% endmacro %}
