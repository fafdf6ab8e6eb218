{# Name by which a table is known here, from dbt's identifier of its node: `fct_order_lines`, for a landed one with its
   source, `sap.plants`. #}
{% macro dataset_of(node_id) -%}
    case
        when {{ node_id }} like 'source.%'
            then {{ dbt.split_part(node_id, "'.'", 3) }} || '.' || {{ dbt.split_part(node_id, "'.'", 4) }}
        else nullif({{ dbt.split_part(node_id, "'.'", 3) }}, '')
    end
{%- endmacro %}
