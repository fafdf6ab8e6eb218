{# Measures every mart and every landed table: rows by tenant, doubled keys, rows in quarantine, and for each column what is
   filled, how many values there are, and between what and around what they lie. Run after a build:
   `dbt run-operation profile_datasets`. Appends to raw_ops; what was measured last on a day counts. #}
{% macro profile_datasets(datasets=[]) %}
    {%- if execute %}
        {%- set found = [] %}
        {%- for dataset in profiled_datasets() if not datasets or dataset.name in datasets %}
            {%- set relation = adapter.get_relation(dataset.database, dataset.schema, dataset.identifier) %}
            {%- if relation and relation.is_table %}
                {%- do profile_dataset(dataset, relation) %}
                {#- Not without a transaction: dbt opens one where it looks relations up, or none where it knows them. -#}
                {%- call statement('transaction', auto_begin=True) %}select 1 as is_open{% endcall %}
                {%- do adapter.commit() %}
                {%- do found.append(dataset.name) %}
            {%- endif %}
        {%- endfor %}
        {%- for name in datasets if name not in found %}
            {{ exceptions.raise_compiler_error("profile_datasets: '" ~ name ~ "' is no table that is built or landed") }}
        {%- endfor %}
        {{ log(found | length ~ " datasets profiled", info=true) }}
    {%- endif %}
{% endmacro %}

{# One dataset, in three statements: its size, its columns, and the dataset as a whole. #}
{% macro profile_dataset(dataset, relation) %}
    {%- set columns = [] %}
    {%- for column in adapter.get_columns_in_relation(relation) if not column.name.startswith('_') %}
        {%- do columns.append(column) %}
    {%- endfor %}
    {%- set names = columns | map(attribute='name') | map('lower') | list %}
    {%- set has_tenant = 'tenant_id' in names %}
    {#- A key that lost a column is for its test to report, not for the measuring to stop at. -#}
    {%- if dataset.key | reject('in', names) | list %}
        {%- do dataset.update({'key': []}) %}
    {%- endif %}
    {#- Rows that are gone from their source are kept, and are not part of what there is. -#}
    {%- set present = "where coalesce(_is_deleted, false) = false" if dataset.kind == 'source' else "" %}
    {%- set row_count = run_query("select count(*) as row_count from " ~ relation ~ " " ~ present).columns[0].values()[0] | int %}
    {%- do run_query(column_profile_sql(dataset, relation, present, columns, has_tenant, row_count)) %}
    {%- do run_query(dataset_profile_sql(dataset, relation, present, has_tenant, row_count)) %}
{% endmacro %}

{# All aggregates of all columns in one pass over the rows, or over a sample of them, then one row a column and tenant.
   Columns with personal values have no figures but how many are filled and differ: a smallest salary is somebody's. #}
{% macro column_profile_sql(dataset, relation, present, columns, has_tenant, row_count) -%}
    insert into {{ source('ops', 'column_profiles') }}
    with counted as (
        select {{ tenant_group(has_tenant) }} as tenant_group, count(*) as row_count
        from {{ relation }} {{ present }} {{ by_tenant(has_tenant) }}
    ),
    wide as (
        select
            {{ tenant_group(has_tenant) }} as tenant_group,
            count(*) as profiled_row_count
            {%- for column in columns %}
            {%- set place, name = loop.index, adapter.quote(column.name) %}
            {%- set number = 'cast(null as double)' if column.name | lower in dataset.personal else value_as_number(name, column) %},
            count({{ name }}) as filled_{{ place }},
            approx_count_distinct({{ name }}) as distinct_{{ place }},
            min({{ number }}) as min_{{ place }},
            max({{ number }}) as max_{{ place }},
            avg({{ number }}) as mean_{{ place }},
            stddev_samp({{ number }}) as deviation_{{ place }}
            {%- endfor %}
        from {{ relation }} {{ sample_of(row_count) }} {{ present }} {{ by_tenant(has_tenant) }}
    )
    select
        '{{ dataset.name }}', places.column_name, wide.tenant_group, {{ as_of_date() }}, {{ run_stamp() }},
        '{{ invocation_id }}', places.place, places.data_type, counted.row_count, wide.profiled_row_count,
        {{ column_figure('filled', columns) }},
        {# The number of values is an estimate, which may be above what there can be. -#}
        least({{ column_figure('distinct', columns) }}, {{ column_figure('filled', columns) }}),
        {{ column_figure('min', columns) }},
        {{ column_figure('max', columns) }},
        {{ column_figure('mean', columns) }},
        {{ column_figure('deviation', columns) }}
    from wide
    inner join counted on wide.tenant_group = counted.tenant_group
    cross join (
        values
        {%- for column in columns %}
        {%- set type = 'varchar' if column.is_string() else column.data_type | lower | replace("'", "''") %}
        ({{ loop.index }}, '{{ column.name | lower }}', '{{ type }}')
        {{- ',' if not loop.last }}
        {%- endfor %}
    ) as places (place, column_name, data_type)
{%- endmacro %}

{# A `case` over the columns costs a third of a `union all` of one query for each. #}
{% macro column_figure(figure, columns) -%}
    case places.place {% for column in columns %}when {{ loop.index }} then wide.{{ figure }}_{{ loop.index }} {% endfor %}end
{%- endmacro %}

{# Keys are compared by a hash of 64 bits, which takes a tenth of the memory: among ten million keys, the chance that two
   different ones meet is three in a million. #}
{% macro dataset_profile_sql(dataset, relation, present, has_tenant, row_count) -%}
    insert into {{ source('ops', 'dataset_profiles') }}
    with counted as (
        select {{ tenant_group(has_tenant) }} as tenant_group, count(*) as row_count
        from {{ relation }} {{ present }} {{ by_tenant(has_tenant) }}
    )
    {%- if dataset.key %},
    repeated as (
        select {{ 'min(tenant_id)' if has_tenant else 'null' }} as tenant_id, count(*) - 1 as surplus
        from {{ relation }}
        group by hash({{ dataset.key | join(', ') }})
        having count(*) > 1
    ),
    duplicates as (
        select {{ tenant_group(has_tenant) }} as tenant_group, sum(surplus) as duplicate_row_count
        from repeated {{ by_tenant(has_tenant) }}
    )
    {%- endif %}
    {%- if dataset.quarantines %},
    held as (
        {%- for quarantine in dataset.quarantines %}
        {{ 'union all' if not loop.first }}
        select {{ 'tenant_id' if quarantine.has_tenant else "'unknown'" }} as tenant_id from {{ quarantine.relation }}
        {%- endfor %}
    ),
    quarantined as (
        select {{ tenant_group(has_tenant) }} as tenant_group, count(*) as quarantined_row_count
        from held {{ by_tenant(has_tenant) }}
    )
    {%- endif %}
    select
        '{{ dataset.name }}', '{{ dataset.kind }}', counted.tenant_group, {{ as_of_date() }}, {{ run_stamp() }},
        '{{ invocation_id }}', '{{ dataset.owner }}', '{{ dataset.sources }}', counted.row_count,
        {{ [row_count, var('profile_sample_rows') | int] | min if row_count else 0 }},
        {{ "coalesce(duplicates.duplicate_row_count, 0)" if dataset.key else "null" }},
        {%- set held_count = "coalesce(quarantined.quarantined_row_count, 0)" %}
        {#- Where quarantined rows do not say whose they are, they are known for the whole dataset only. -#}
        {%- if not dataset.quarantines %} null
        {%- elif dataset.quarantines | rejectattr('has_tenant') | list %}
        case when counted.tenant_group = 'all' then {{ held_count }} end
        {%- else %}
        {{ held_count }}
        {%- endif %}
    from counted
    {%- if dataset.key %} left join duplicates on counted.tenant_group = duplicates.tenant_group {%- endif %}
    {%- if dataset.quarantines %} left join quarantined on counted.tenant_group = quarantined.tenant_group {%- endif %}
{%- endmacro %}

{# 'all' for the whole dataset, beside one group for each tenant where the rows say whose they are. #}
{% macro tenant_group(has_tenant) -%}
    {{ "case when grouping(tenant_id) = 1 then 'all' else coalesce(tenant_id, 'unknown') end" if has_tenant else "'all'" }}
{%- endmacro %}

{% macro by_tenant(has_tenant) -%}
    {{ "group by grouping sets ((), (tenant_id))" if has_tenant }}
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
