-- Built from the graph: one row for each quarantine model that fct_quarantined_rows leaves out.
{% set forgotten = [] %}
{% if execute %}
    {% set counting = graph.nodes.values() | selectattr('name', 'equalto', 'fct_quarantined_rows') | first %}
    {% for node in graph.nodes.values() %}
        {% if node.resource_type == 'model' and node.name.startswith('quarantine_') and 'reason_codes' in node.raw_code
            and node.unique_id not in counting.depends_on.nodes %}
            {% do forgotten.append(node.name) %}
        {% endif %}
    {% endfor %}
{% endif %}

with counted as (

    select count(*) as row_count from {{ ref('fct_quarantined_rows') }}

),

forgotten_models as (

    {% for name in forgotten %}
    select '{{ name }}' as forgotten_model
    union all
    {% endfor %}
    select cast(null as {{ dbt.type_string() }}) as forgotten_model

)

select
    forgotten_models.forgotten_model,
    counted.row_count as rows_counted_elsewhere
from forgotten_models
cross join counted
where forgotten_models.forgotten_model is not null
