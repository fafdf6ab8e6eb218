{# The figures of an earlier measurement, as of now. #}
{% macro repeated_profile_sql(dataset, invocation) -%}
    insert into {{ source('ops', 'column_profiles') }}
    select
        dataset_name, column_name, tenant_id, {{ as_of_date() }}, {{ run_stamp() }}, '{{ invocation_id }}', column_position, data_type,
        row_count, profiled_row_count, filled_count, distinct_count, min_value, max_value, mean_value, standard_deviation
    from {{ source('ops', 'column_profiles') }}
    where dataset_name = '{{ dataset.name }}' and invocation_id = '{{ invocation }}'
{%- endmacro %}

{# The same for the dataset as a whole. #}
{% macro repeated_dataset_sql(dataset, invocation) -%}
    insert into {{ source('ops', 'dataset_profiles') }}
    select
        dataset_name, dataset_kind, tenant_id, {{ as_of_date() }}, {{ run_stamp() }}, '{{ invocation_id }}', '{{ dataset.owner }}',
        '{{ dataset.sources }}', row_count, profiled_row_count, duplicate_row_count, quarantined_row_count, content_hash
    from {{ source('ops', 'dataset_profiles') }}
    where dataset_name = '{{ dataset.name }}' and invocation_id = '{{ invocation }}'
{%- endmacro %}
