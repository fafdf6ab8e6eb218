{# All aggregates of all columns in one pass over the rows, or over a sample of them, then one row a column and tenant.
   Columns with personal values have no figures but how many are filled and differ: a smallest salary is somebody's. #}
{% macro column_profile_sql(dataset, row_count) -%}
    {%- set has_tenant = dataset.has_tenant %}
    insert into {{ source('ops', 'column_profiles') }}
    with counted as (
        select {{ tenant_group(has_tenant) }} as tenant_group, count(*) as row_count
        from {{ dataset.relation }} {{ dataset.present }} {{ by_tenant(has_tenant) }}
    ),
    wide as (
        select
            {{ tenant_group(has_tenant) }} as tenant_group,
            count(*) as profiled_row_count,
            {{ figures_of_columns(dataset.columns, dataset.personal) }} as figures
        from {{ dataset.relation }} {{ sample_of(row_count) }} {{ dataset.present }} {{ by_tenant(has_tenant) }}
    )
    select
        '{{ dataset.name }}', places.column_name, wide.tenant_group, {{ as_of_date() }}, {{ run_stamp() }},
        '{{ invocation_id }}', places.place, places.data_type, counted.row_count, wide.profiled_row_count,
        {{ column_figure('filled') }},
        {# The number of values is an estimate, which may be above what there can be. -#}
        least({{ column_figure('distinct') }}, {{ column_figure('filled') }}),
        {{ column_figure('min') }},
        {{ column_figure('max') }},
        {{ column_figure('mean') }},
        {{ column_figure('deviation') }}
    from wide
    inner join counted on wide.tenant_group = counted.tenant_group
    cross join (
        values
        {%- for column in dataset.columns %}
        {%- set type = 'varchar' if column.is_string() else column.data_type | lower | replace("'", "''") %}
        ({{ loop.index }}, '{{ column.name | lower }}', '{{ type }}')
        {{- ',' if not loop.last }}
        {%- endfor %}
    ) as places (place, column_name, data_type)
{%- endmacro %}

{# A list with the figures of each column. Planning takes longer than counting here, and a list is planned in half the
   time of a column for each figure. #}
{% macro figures_of_columns(columns, personal) -%}
    {{ return(adapter.dispatch('figures_of_columns')(columns, personal)) }}
{%- endmacro %}

{% macro default__figures_of_columns(columns, personal) -%}
    [
        {%- for column in columns %}
        {%- set name, number = adapter.quote(column.name), number_to_measure(column, personal) %}
        {
            'filled': count({{ name }}), 'distinct': approx_count_distinct({{ name }}), 'min': min({{ number }}),
            'max': max({{ number }}), 'mean': avg({{ number }}), 'deviation': stddev_samp({{ number }})
        }
        {{- ',' if not loop.last }}
        {%- endfor %}
    ]
{%- endmacro %}

{% macro snowflake__figures_of_columns(columns, personal) -%}
    array_construct(
        {%- for column in columns %}
        {%- set name, number = adapter.quote(column.name), number_to_measure(column, personal) %}
        object_construct(
            'filled', count({{ name }}), 'distinct', approx_count_distinct({{ name }}), 'min', min({{ number }}),
            'max', max({{ number }}), 'mean', avg({{ number }}), 'deviation', stddev_samp({{ number }})
        )
        {{- ',' if not loop.last }}
        {%- endfor %}
    )
{%- endmacro %}

{# A smallest salary is somebody's: columns with personal values have no figures of their values. #}
{% macro number_to_measure(column, personal) -%}
    {{ return('cast(null as double)' if column.name | lower in personal else value_as_number(adapter.quote(column.name), column)) }}
{%- endmacro %}

{# One figure of the column at places.place. #}
{% macro column_figure(figure) -%}
    {{ return(adapter.dispatch('column_figure')(figure)) }}
{%- endmacro %}

{% macro default__column_figure(figure) -%}
    wide.figures[places.place].{{ adapter.quote(figure) }}
{%- endmacro %}

{% macro snowflake__column_figure(figure) -%}
    get(get(wide.figures, places.place - 1), '{{ figure }}'){{ '::integer' if figure in ('filled', 'distinct') else '::double' }}
{%- endmacro %}

{# Each row of a dataset above var profile_sample_rows is drawn with the same chance, whatever its neighbours: the sampling
   errors of fct_column_profiles hold for nothing else. #}
{% macro sample_of(row_count) -%}
    {%- set wanted = var('profile_sample_rows') | int -%}
    {%- if row_count > wanted -%}
        {{ return(adapter.dispatch('bernoulli_sample')((100 * wanted / row_count) | round(6))) }}
    {%- endif -%}
{%- endmacro %}

{% macro default__bernoulli_sample(percent) -%}
    tablesample bernoulli({{ percent }} percent)
{%- endmacro %}

{% macro snowflake__bernoulli_sample(percent) -%}
    sample bernoulli ({{ percent }})
{%- endmacro %}

{# What is measured of a value of any type: a number itself, the length of a text, days since 1970, 1 for true. #}
{% macro value_as_number(name, column) -%}
    {%- set type = column.data_type | lower -%}
    {%- if column.is_string() -%}
        cast(length({{ name }}) as double)
    {%- elif type.startswith('bool') -%}
        case when {{ name }} then cast(1 as double) when not {{ name }} then cast(0 as double) end
    {%- elif type.startswith('date') or type.startswith('timestamp') -%}
        cast({{ dbt.datediff("cast('1970-01-01' as date)", "cast(" ~ name ~ " as date)", 'day') }} as double)
    {%- elif column.is_number() or type in ('hugeint', 'ubigint', 'tinyint', 'double') or type.startswith('decimal') -%}
        cast({{ name }} as double)
    {%- else -%}
        cast(null as double)
    {%- endif -%}
{%- endmacro %}
