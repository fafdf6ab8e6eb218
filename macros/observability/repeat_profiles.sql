{# The figures of earlier measurements, as of now: of pairs of a dataset and the invocation that measured it. #}
{% macro repeated_columns_sql(repeated) -%}
    insert into {{ source('ops', 'column_profiles') }}
    select
        measured.dataset_name, measured.column_name, measured.tenant_id, {{ as_of_date() }}, {{ run_stamp() }},
        '{{ invocation_id }}', measured.column_position, measured.data_type, measured.row_count, measured.profiled_row_count,
        measured.filled_count, measured.distinct_count, measured.min_value, measured.max_value, measured.mean_value,
        measured.standard_deviation
    from {{ source('ops', 'column_profiles') }} as measured
    inner join ({{ measurements(repeated) }}) as repeated
        on measured.dataset_name = repeated.dataset_name and measured.invocation_id = repeated.invocation_id
{%- endmacro %}

{# The same for the datasets as a whole. #}
{% macro repeated_datasets_sql(repeated) -%}
    insert into {{ source('ops', 'dataset_profiles') }}
    select
        measured.dataset_name, measured.dataset_kind, measured.tenant_id, {{ as_of_date() }}, {{ run_stamp() }},
        '{{ invocation_id }}', repeated.owner, repeated.sources, measured.row_count, measured.profiled_row_count,
        measured.duplicate_row_count, measured.quarantined_row_count, measured.content_hash
    from {{ source('ops', 'dataset_profiles') }} as measured
    inner join ({{ measurements(repeated) }}) as repeated
        on measured.dataset_name = repeated.dataset_name and measured.invocation_id = repeated.invocation_id
{%- endmacro %}

{% macro measurements(repeated) -%}
    select * from (
        values
        {%- for dataset, invocation in repeated %}
        ('{{ dataset.name }}', '{{ invocation }}', '{{ dataset.owner }}', '{{ dataset.sources }}'){{ ',' if not loop.last }}
        {%- endfor %}
    ) as named (dataset_name, invocation_id, owner, sources)
{%- endmacro %}
