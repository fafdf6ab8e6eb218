{# dbt run-operation report_k_anonymity: for each row of seed quasi_identifiers, how many subjects share the rarest combination of
   the columns by which somebody could be recognised (Sweeney 2002, docs/access.md). Prints, appends to ops.k_anonymity, and
   fails where a row says `error` and its k is below the least; `warn` only says so. #}
{% macro report_k_anonymity() -%}
    {%- if not execute -%}{{ return('') }}{%- endif -%}
    {%- if target.type != 'duckdb' -%}
        {{ exceptions.raise_compiler_error('report_k_anonymity works on DuckDB') }}
    {%- endif -%}
    {%- set ops = adapter.quote(target.database) ~ '.ops' -%}
    {%- set shape = '%-34s %-44s %9s %8s %6s %6s %11s  %s' -%}
    {%- set failed = [] -%}
    {%- do run_query('create schema if not exists ' ~ ops) -%}
    {%- do run_query('create table if not exists ' ~ ops ~ '.k_anonymity (run_id varchar, dataset_name varchar, population varchar, '
        ~ 'quasi_identifiers varchar, least_k bigint, subject_count bigint, group_count bigint, k bigint, groups_below bigint, '
        ~ 'rows_below bigint, verdict varchar, measured_at timestamp with time zone)') -%}
    {%- do print(shape | format('dataset', 'columns', 'subjects', 'groups', 'k', 'least', 'rows below', 'verdict')) -%}
    {%- for row in rows_of('select * from ' ~ retention_seed('quasi_identifiers') ~ ' order by dataset_name, population') -%}
        {%- set place = place_of(row.dataset_name) -%}
        {%- set found = {'verdict': 'missing'} -%}
        {%- if has_table(place.database, place.schema, place.name) -%}
            {%- do found.update(rows_of(k_anonymity_sql(row, place.relation))[0]) -%}
        {%- endif -%}
        {%- do print(shape | format(row.dataset_name ~ (' (' ~ row.population ~ ')' if row.population != 'all' else ''), row.quasi_identifiers,
            found.subject_count, found.group_count, found.k, row.least_k, found.rows_below, found.verdict)) -%}
        {%- if found.verdict == 'missing' -%}
            {%- do failed.append(row.dataset_name ~ ': the warehouse has no such table') -%}
        {%- else -%}
            {%- do run_query('insert into ' ~ ops ~ '.k_anonymity select ' ~ sql_text(invocation_id) ~ ', ' ~ sql_text(row.dataset_name) ~ ', '
                ~ sql_text(row.population) ~ ', ' ~ sql_text(row.quasi_identifiers) ~ ', ' ~ row.least_k ~ ', subject_count, group_count, k, '
                ~ 'groups_below, rows_below, verdict, current_timestamp from (' ~ k_anonymity_sql(row, place.relation) ~ ') as found') -%}
            {%- if found.verdict == 'error' -%}
                {%- do failed.append(row.dataset_name ~ ': k is ' ~ found.k ~ ' and has to be ' ~ row.least_k ~ ' or more') -%}
            {%- endif -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if failed -%}
        {{ exceptions.raise_compiler_error('too few are alike:\n  ' ~ failed | join('\n  ')) }}
    {%- endif -%}
{%- endmacro %}

{# Where a dataset stands: raw_x.y as it is, of dbt's layers the schema of this target. #}
{% macro place_of(dataset) -%}
    {%- set layer, name = dataset.split('.') -%}
    {%- set is_landed = layer.startswith('raw_') -%}
    {%- set place = {'database': (var('raw_database', '') or target.database) if is_landed else target.database,
        'schema': layer if is_landed else generate_schema_name(layer, none) | trim, 'name': name} -%}
    {%- do place.update({'relation': adapter.quote(place.database) ~ '.' ~ adapter.quote(place.schema) ~ '.' ~ adapter.quote(name)}) -%}
    {{ return(place) }}
{%- endmacro %}

{# SQL: one row. A group is what has the same values in all columns; a missing value is a value like any other, as two rows
   without a country cannot be told apart by it. A group's size is its subjects, or its rows where none are named; rows that are
   about nobody do not count. Nothing left is nobody to recognise. #}
{% macro k_anonymity_sql(row, relation) -%}
    {%- set columns = row.quasi_identifiers.split(';') | map('trim') | join(', ') -%}
    {%- set conditions = [] -%}
    {%- if row.only_where -%}{%- do conditions.append('(' ~ row.only_where ~ ')') -%}{%- endif -%}
    {%- if row.subject_column -%}{%- do conditions.append(row.subject_column ~ ' is not null') -%}{%- endif -%}
    with grouped as (
        select
            {{ columns }},
            {{ 'count(distinct ' ~ row.subject_column ~ ')' if row.subject_column else 'count(*)' }} as group_size,
            count(*) as row_count
        from {{ relation }}
        {{ 'where ' ~ conditions | join(' and ') if conditions }}
        group by {{ columns }}
    )

    select
        cast(coalesce(sum(group_size), 0) as bigint) as subject_count,
        count(*) as group_count,
        min(group_size) as k,
        count(case when group_size < {{ row.least_k }} then 1 end) as groups_below,
        cast(coalesce(sum(case when group_size < {{ row.least_k }} then row_count end), 0) as bigint) as rows_below,
        case
            when min(group_size) < {{ row.least_k }} then '{{ row.below_least }}' when count(*) = 0 then 'nobody' else 'ok'
        end as verdict
    from grouped
{%- endmacro %}
