{# The relations of dbt's graph: [layer, name, retention class, schema of this target]. #}
{% macro retention_known() -%}
    {%- set known = [] %}
    {%- for node in (graph.nodes.values() if execute else []) %}
        {%- if node.resource_type in ('model', 'seed', 'snapshot') and node.config.materialized != 'ephemeral' %}
            {%- set retention = (node.config.meta or {}).get('retention') or '' %}
            {%- do known.append([(node.config.schema or '') | lower, node.alias | lower, retention, node.schema | lower]) %}
        {%- endif %}
    {%- endfor %}
    {#- The masked views, which no node of dbt's is: each belongs to its mart. #}
    {%- for node in masked_marts() %}
        {%- do known.append(['masked', node.alias | lower, '', masked_schema() | lower]) %}
    {%- endfor %}
    {{ return(known | sort) }}
{%- endmacro %}

{# SQL: every table and view that the warehouse itself lists, with the policy that it has or inherits: its own by name, else
   that of its retention class, else that of its layer. A relation in one of this target's own schemas that dbt does not know is
   left without one: nobody would rebuild it after a purge. dbt's helper tables (__dbt_tmp) count as the relation they make. #}
{% macro retention_relations(policies) -%}
    {%- set known = retention_known() %}
    {%- set databases = retention_databases() %}
    with known as (

        {% for layer, name, class, schema in known -%}
        select
            cast('{{ layer }}' as {{ dbt.type_string() }}) as layer_name,
            cast('{{ name }}' as {{ dbt.type_string() }}) as table_name,
            cast('{{ class }}' as {{ dbt.type_string() }}) as retention_class,
            cast('{{ schema }}' as {{ dbt.type_string() }}) as own_schema
        {{ 'union all' if not loop.last }}
        {% else -%}
        select '' as layer_name, '' as table_name, '' as retention_class, '' as own_schema
        {% endfor %}

    ),

    layers as (

        select
            layer_name,
            max(own_schema) as own_schema
        from known
        where layer_name <> ''
        group by layer_name

    ),

    listed as (

        select
            table_catalog as database_name,
            table_schema as relation_schema,
            table_name as relation_name,
            lower(table_type) as relation_type,
            lower(table_schema) as schema_name,
            replace(replace(replace(lower(table_name), '__dbt_tmp', ''), '__dbt_backup', ''), '__dbt_new_data', '') as table_name
        from {{ information_schema_of('tables', databases) }}
        where lower(table_catalog) in ('{{ databases | join("', '") }}')
            and lower(table_schema) not in ('information_schema', 'pg_catalog')
            and lower(table_type) not like '%temporary%'

    ),

    placed as (

        select
            listed.*,
            layers.layer_name,
            known.retention_class,
            coalesce(layers.own_schema = listed.schema_name and known.table_name is null, false) as is_unknown_to_dbt,
            coalesce(layers.layer_name, listed.schema_name) || '.' || listed.table_name as dataset_name
        from listed
        -- The raw_<source>_staging schemas are dlt's and not the staging layer of dbt.
        left join layers
            on left(listed.schema_name, 4) <> 'raw_'
            and (
                listed.schema_name = layers.layer_name
                or right(listed.schema_name, length(layers.layer_name) + 1) = '_' || layers.layer_name
            )
        left join known
            on layers.layer_name = known.layer_name
            and listed.table_name = known.table_name

    ),

    ranked as (

        select
            placed.*,
            policies.dataset_name as policy_name,
            policies.applies_to,
            row_number() over (
                partition by placed.database_name, placed.relation_schema, placed.relation_name
                order by
                    case policies.applies_to when 'table' then 1 when 'class' then 2 else 3 end,
                    -- Of two layers the longer pattern is the closer one.
                    length(policies.dataset_name) desc,
                    policies.dataset_name
            ) as policy_rank
        from placed
        left join {{ policies }} as policies
            on not placed.is_unknown_to_dbt
            and (
                (policies.applies_to = 'table' and policies.dataset_name = placed.dataset_name)
                or (policies.applies_to = 'class' and policies.dataset_name = placed.retention_class)
                or (
                    policies.applies_to = 'layer'
                    and placed.dataset_name like replace(replace(policies.dataset_name, '_', '^_'), '*', '%') escape '^'
                )
            )

    )

    select
        database_name,
        relation_schema,
        relation_name,
        relation_type,
        dataset_name,
        is_unknown_to_dbt,
        policy_name,
        applies_to
    from ranked
    where policy_rank = 1
{%- endmacro %}
