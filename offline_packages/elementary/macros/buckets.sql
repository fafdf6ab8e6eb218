{# Start of the run in UTC without a zone; var custom_run_started_at (ISO) sets another one, for tests. #}
{% macro _run_started_at() %}
    {% set custom = var('custom_run_started_at', none) %}
    {% set moment = modules.datetime.datetime.fromisoformat(custom) if custom else run_started_at %}
    {{ return(moment.replace(tzinfo=none, microsecond=0)) }}
{% endmacro %}

{# First bucket's start, number of whole buckets and end of the last one, for the days the settings ask for. #}
{% macro _bucket_range(settings) %}
    {% set period, step = settings.time_bucket.period, settings.time_bucket.count %}
    {% set delay = settings.detection_delay %}
    {% set end = elementary._run_started_at() - modules.datetime.timedelta(**{delay.period | default('hour', true) ~ 's': delay.count}) %}
    {% set start = (end - modules.datetime.timedelta(settings.training_days)).replace(hour=0, minute=0, second=0) %}
    {% if period == 'week' %}
        {% set start = start - modules.datetime.timedelta(start.weekday()) %}
    {% elif period == 'month' %}
        {% set start = start.replace(day=1) %}
    {% endif %}
    {% if period == 'month' %}
        {% set elapsed = (end.year - start.year) * 12 + end.month - start.month %}
    {% else %}
        {% set elapsed = ((end - start).total_seconds() // {'hour': 3600, 'day': 86400, 'week': 604800}[period]) | int %}
    {% endif %}
    {{ return({'start': start, 'end': end, 'count': elapsed // step}) }}
{% endmacro %}

{# Three CTEs' worth of SQL: bucket_number (0 .. count - 1), bucket_start, bucket_end. #}
{% macro _buckets(settings, range) %}
    {% set bucket = settings.time_bucket %}
    {% set start = elementary._timestamp(range.start) %}
    select
        generated_number - 1 as bucket_number,
        {{ dbt.dateadd(bucket.period, '(generated_number - 1) * ' ~ bucket.count, start) }} as bucket_start,
        {{ dbt.dateadd(bucket.period, 'generated_number * ' ~ bucket.count, start) }} as bucket_end
    from ({{ dbt_utils.generate_series([range.count, 1] | max) }}) as series
{% endmacro %}

{# The number of the bucket that a timestamp expression falls into; negative before the first. #}
{% macro _bucket_number(settings, range, timestamp) %}
    {{ return(
        'floor(' ~ dbt.datediff(elementary._timestamp(range.start), timestamp, settings.time_bucket.period)
        ~ ' / ' ~ settings.time_bucket.count ~ '.0)'
    ) }}
{% endmacro %}

{# The tested rows with the bucket they fall into, none outside the range. #}
{% macro _bucketed_rows(model, settings, range, columns) %}
    {% set moment = 'cast(' ~ settings.timestamp_column ~ ' as ' ~ dbt.type_timestamp() ~ ')' %}
    select
        {% for column in columns %}{{ column }},{% endfor %}
        {{ elementary._bucket_number(settings, range, moment) }} as bucket_number
    from {{ model }}
    where {{ moment }} >= {{ elementary._timestamp(range.start) }}
        {% if settings.where_expression %}and ({{ settings.where_expression }}){% endif %}
{% endmacro %}

{% macro _timestamp(moment) %}
    {{ return("cast('" ~ moment.strftime('%Y-%m-%d %H:%M:%S') ~ "' as " ~ dbt.type_timestamp() ~ ")") }}
{% endmacro %}

{% macro _text(value) %}
    {{ return(dbt.string_literal(dbt.escape_single_quotes(value | string))) }}
{% endmacro %}

{# The tested relation: `model` itself, or what it selects from when the test has a where config. #}
{% macro _tested_relation(model) %}
    {% if model is not string %}{{ return(model) }}{% endif %}
    {% set node_id = context['model'].attached_node or context['model'].depends_on.nodes | first %}
    {% set node = graph.nodes.get(node_id) or graph.sources.get(node_id) %}
    {{ return(adapter.get_relation(node.database, node.schema, node.get('alias') or node.get('identifier'))) }}
{% endmacro %}
