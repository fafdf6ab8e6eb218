{# on-run-end, before Elementary's own hook: dbt runs a project's hooks before those of its packages. That hook makes a row of
   each test that left none in Elementary's memory, and describes the tested models anew for each, in hundreds of macro calls.
   Here a model is described once. Nothing to do for the stand-in, which has no such memory. Other warehouses may want the
   compiled SQL in a form of their own. #}
{% macro cache_test_rows() %}
    {%- if not execute or flags.WHICH not in ['build', 'test', 'retry'] or target.type not in ['duckdb', 'snowflake'] %}
        {{ return('') }}
    {%- endif %}
    {%- set rows = (graph.get('elementary') or {}).get('elementary_test_results') %}
    {%- if rows is not mapping or elementary['get_config_var']('disable_tests_results') %}
        {{ return('') }}
    {%- endif %}
    {%- set described = {} %}
    {%- set detected_at = elementary['datetime_now_utc_as_string']() %}
    {%- for result in results if result.node and result.node.resource_type == 'test' and result.node.unique_id not in rows %}
        {%- set row = test_result_row(result.node.to_dict(), detected_at, described) %}
        {%- if row %}
            {%- do rows.update({row.test_unique_id: [row]}) %}
        {%- endif %}
    {%- endfor %}
    {{ return('') }}
{% endmacro %}

{# The row that Elementary's flatten_test and get_dbt_test_result_row make of a test, or none where it must make its own. One
   body for all fields, because a macro call takes longer than what is done in it. The filters are in Elementary's order,
   which decides which of two tags stays that differ in case only. A test of many models has no table: undefined, as there. #}
{% macro test_result_row(test, detected_at, described) %}
    {%- set kind = test.get('test_metadata') or {} %}
    {%- set arguments = kind.get('kwargs') or {} %}
    {%- set meta, parents, model_tags, tags = {}, [], [], [] %}
    {%- do meta.update(test.config.get('meta') or {}) %}
    {%- do meta.update(test.get('meta') or {}) %}
    {%- for values in [test.config.get('tags'), test.get('tags'), meta.get('tags')] if values %}
        {%- do tags.extend(values) %}
    {%- endfor %}
    {%- for node_id in test.depends_on.nodes if '.' ~ test.package_name ~ '.' in node_id %}
        {%- do parents.append(node_id) %}
    {%- endfor %}
    {%- set tested_id = tested_node_id(test, arguments, parents, meta) %}
    {%- for node_id in parents + [tested_id] if node_id not in described %}
        {%- do described.update({node_id: described_node(node_id)}) %}
    {%- endfor %}
    {%- for node_id in parents if described[node_id] %}
        {%- do model_tags.extend(described[node_id].tags) %}
    {%- endfor %}
    {%- set tested = described[tested_id] %}
    {%- if kind.get('namespace') == 'elementary' or tested and tested.resource_type not in ['model', 'seed', 'snapshot', 'source'] %}
        {{ return(none) }}
    {%- endif %}
    {%- set database, schema = (tested.database, tested.schema) if tested else (none, none) %}
    {%- if database is none or schema is none %}
        {%- set database, schema, own_schema = test.get('database'), test.get('schema'), test.config.get('schema') %}
        {%- if schema and own_schema %}
            {%- set schema = schema | replace('_' ~ own_schema, '') %}
        {%- endif %}
    {%- endif %}
    {%- set path = test.original_file_path %}
    {%- set is_generic = 'tests/generic' in path or 'generic_tests/' in path or 'macros/' in path or 'tests/' not in path %}
    {%- set prefix = kind.get('namespace') ~ '_' if kind.get('namespace') else '' %}
    {%- set is_unnamed = kind.get('name') and test.name.startswith((prefix ~ kind.name, prefix ~ 'source_' ~ kind.name)) %}
    {%- set id = invocation_id ~ '.' ~ test.unique_id %}
    {{ return({
        'id': id, 'data_issue_id': none, 'test_execution_id': id, 'test_unique_id': test.unique_id, 'model_unique_id': tested_id,
        'detected_at': detected_at, 'database_name': database, 'schema_name': schema, 'table_name': tested.table_name,
        'column_name': test.get('column_name') or arguments.get('column_name'), 'test_type': 'dbt_test',
        'test_sub_type': 'expectation' if kind.get('namespace') == 'dbt_expectations' else 'generic' if is_generic else 'singular',
        'other': none, 'owners': tested.owners | unique | reject('none') | sort if tested else [],
        'tags': (model_tags | unique | reject('none') | sort) + (tags | unique | reject('none') | sort),
        'test_results_query': test.get('compiled_code') or none, 'test_name': test.name, 'test_params': arguments,
        'severity': test.config.get('severity'), 'test_short_name': kind.name if is_unnamed else test.name,
        'test_alias': test.get('alias'), 'result_rows': []
    }) }}
{% endmacro %}

{# What config or meta names goes first, then the only model; of several the one that the test's own argument `model` names. #}
{% macro tested_node_id(test, arguments, parents, meta) %}
    {%- set named = test.config.get('override_primary_test_model_id') or meta.get('override_primary_test_model_id') %}
    {%- if named or parents | length == 1 %}
        {{ return(named or parents[0]) }}
    {%- endif %}
    {%- set names = modules.re.findall(
        "(?:ref[(]|source[(]['\"]\\w+['\"], )['\"](\\w+)['\"][)]", arguments.get('model') or ''
    ) %}
    {%- for node_id in parents | reverse if names | length == 1 and node_id.split('.')[-1] == names[0] %}
        {{ return(node_id) }}
    {%- endfor %}
    {{ return(none) }}
{% endmacro %}

{# What the rows of a model's tests say of it; none where the graph has no such node. #}
{% macro described_node(node_id) %}
    {%- set node = graph.nodes.get(node_id) or graph.sources.get(node_id) %}
    {%- if not node %}
        {{ return(none) }}
    {%- endif %}
    {%- set meta, owners, tags = {}, [], [] %}
    {%- for values in [node.get('meta'), node.get('source_meta'), node.config.get('meta')] if values %}
        {%- do meta.update(values) %}
    {%- endfor %}
    {%- for values in [node.config.get('tags'), node.get('tags'), meta.get('tags')] if values %}
        {%- do tags.extend(values) %}
    {%- endfor %}
    {%- set owner = meta.get('owner') or node.config.get('owner') %}
    {%- if owner is string %}
        {%- do owners.extend(owner.split(',') | map('trim')) %}
    {%- elif owner is iterable %}
        {%- do owners.extend(owner) %}
    {%- endif %}
    {%- set group_name = node.config.get('group') or node.get('group') %}
    {%- if not owners and group_name and node.resource_type in ['model', 'snapshot'] %}
        {%- set group = graph.groups.values() | selectattr('name', 'equalto', group_name) | first %}
        {%- set contact = (group or {}).get('owner') or {} %}
        {%- set owner = contact.get('email') or contact.get('name') %}
        {%- if owner %}
            {%- do owners.append(owner) %}
        {%- endif %}
    {%- endif %}
    {{ return({
        'resource_type': node.resource_type, 'database': node.get('database'), 'schema': node.get('schema'),
        'table_name': node.identifier or node.alias or node.name, 'owners': owners,
        'tags': tags | unique | reject('none') | sort
    }) }}
{% endmacro %}
