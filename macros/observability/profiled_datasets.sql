{# What profile_datasets measures: marts that are tables and landed tables, or those that are named. From the graph each one's
   key, owner, the landed tables it is made of, the quarantine of its rows and its columns with personal values; from the
   warehouse its table and columns. #}
{% macro profiled_datasets(datasets=[]) %}
    {%- set found, reached, nodes, wanted = [], {}, [], [] %}
    {%- set keys, quarantines = keys_by_node(), quarantines_by_node() %}
    {%- for node in graph.nodes.values() | sort(attribute='name') if is_profiled_mart(node) %}
        {%- if not datasets or node.name in datasets %}
            {%- set held = quarantines.get(node.unique_id, []) | list %}
            {%- for parent in node.depends_on.nodes if '.int_' in parent %}
                {%- do held.extend(quarantines.get(parent, [])) %}
            {%- endfor %}
            {%- do wanted.append((node.name, 'mart', node, held)) %}
            {%- do nodes.extend([node] + held) %}
        {%- endif %}
    {%- endfor %}
    {%- for node in graph.sources.values() | sort(attribute='unique_id') if is_landed_table(node) %}
        {%- set name = node.source_name ~ '.' ~ node.name %}
        {%- if not datasets or name in datasets %}
            {%- do wanted.append((name, 'source', node, [])) %}
            {%- do nodes.append(node) %}
        {%- endif %}
    {%- endfor %}
    {%- set described = described_tables(nodes) %}
    {%- for name, kind, node, held in wanted if described.get(node.unique_id, {}).get('is_table') %}
        {%- set table, columns = described[node.unique_id], [] %}
        {%- for column in table.columns if not column.name.startswith('_') %}
            {%- do columns.append(column) %}
        {%- endfor %}
        {%- set names = columns | map(attribute='name') | map('lower') | list %}
        {%- set key, quarantined = keys.get(node.unique_id, []), [] %}
        {%- for quarantine in held if quarantine.unique_id in described %}
            {%- set held_names = described[quarantine.unique_id].columns | map(attribute='name') | map('lower') | list %}
            {%- do quarantined.append({
                'relation': described[quarantine.unique_id].relation, 'has_tenant': 'tenant_id' in held_names
            }) %}
        {%- endfor %}
        {%- do found.append({
            'name': name, 'kind': kind, 'owner': node.config.meta.get('owner', ''), 'personal': personal_columns(node),
            'relation': table.relation, 'columns': columns, 'has_tenant': 'tenant_id' in names, 'quarantines': quarantined,
            'sources': '|' ~ (sources_behind(node.unique_id, reached) | sort | join('|')) ~ '|',
            'key': [] if key | reject('in', names) | list else key,
            'present': "where coalesce(_is_deleted, false) = false" if kind == 'source' else ''
        }) %}
    {%- endfor %}
    {{ return(found) }}
{% endmacro %}

{# Not what the warehouse says of itself (models/platform): what that holds moves with each run. #}
{% macro is_profiled_mart(node) %}
    {{ return(
        node.resource_type == 'model' and node.package_name == project_name and node.config.enabled
        and node.path.startswith('marts/')
        and node.config.materialized in ('table', 'incremental')
    ) }}
{% endmacro %}

{% macro is_landed_table(node) %}
    {{ return(
        node.package_name == project_name and node.source_name not in ('ops', 'dbt_artifacts') and node.schema.startswith('raw_')
    ) }}
{% endmacro %}

{% macro personal_columns(node) %}
    {%- set found = [] %}
    {%- for column in node.columns.values() %}
        {%- set meta = (column.get('config') or {}).get('meta') or column.get('meta') or {} %}
        {%- if meta.get('sensitivity') in ('personal', 'confidential', 'restricted') %}
            {%- do found.append(column.name | lower) %}
        {%- endif %}
    {%- endfor %}
    {{ return(found) }}
{% endmacro %}

{# The first key that a rules_hold test names, or the column of a test `unique`. #}
{% macro keys_by_node() %}
    {%- set found = {} %}
    {%- for test in graph.nodes.values() if test.resource_type == 'test' and test.get('test_metadata') and test.get('attached_node') %}
        {%- set arguments = test.test_metadata.kwargs %}
        {%- set unique = arguments.get('unique') if test.test_metadata.name == 'rules_hold' else none %}
        {%- if test.test_metadata.name == 'unique' and test.attached_node not in found %}
            {%- do found.update({test.attached_node: [arguments.column_name]}) %}
        {%- elif unique %}
            {%- do found.update({test.attached_node: [unique[0]] if unique[0] is string else unique[0]}) %}
        {%- endif %}
    {%- endfor %}
    {{ return(found) }}
{% endmacro %}

{# Quarantine views by the model that holds their good rows, as the test rows_conserved on each of them says. #}
{% macro quarantines_by_node() %}
    {%- set found = {} %}
    {%- for test in graph.nodes.values()
        if test.resource_type == 'test' and (test.get('test_metadata') or {}).get('name') == 'rows_conserved' %}
        {%- for parent in test.depends_on.nodes if parent != test.attached_node and '.stg_' not in parent %}
            {%- do found.setdefault(parent, []).append(graph.nodes[test.attached_node]) %}
        {%- endfor %}
    {%- endfor %}
    {{ return(found) }}
{% endmacro %}

{# Landed tables that a node is made of, through all that lies between. A dimension that it joins is no part of it: each
   names all transactions that mention a member. `reached` remembers what was asked before. #}
{% macro sources_behind(node_id, reached) %}
    {%- if node_id not in reached %}
        {%- set found = [] %}
        {%- if node_id in graph.sources %}
            {%- set source_node = graph.sources[node_id] %}
            {%- if is_landed_table(source_node) %}
                {%- do found.append(source_node.source_name ~ '.' ~ source_node.name) %}
            {%- endif %}
        {%- elif node_id in graph.nodes %}
            {%- for parent in graph.nodes[node_id].depends_on.nodes if '.dim_' not in parent or '.dim_' in node_id %}
                {%- do found.extend(sources_behind(parent, reached)) %}
            {%- endfor %}
        {%- endif %}
        {%- do reached.update({node_id: found | unique | list}) %}
    {%- endif %}
    {{ return(reached[node_id]) }}
{% endmacro %}
