{# is_incremental() asks the warehouse. With var assume_incremental the answer is given, so that both branches of a
   model can be compiled without a connection (dbt compile --no-introspect). #}
{% macro is_incremental_run() -%}
    {%- set assumed = var('assume_incremental', none) -%}
    {%- if assumed is none -%}
        {{ return(is_incremental()) }}
    {%- endif -%}
    {{ return(assumed | string | lower == 'true') }}
{%- endmacro %}
