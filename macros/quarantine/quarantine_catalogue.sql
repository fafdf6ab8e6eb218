{# Every quarantine rule of the project, from the models' own YAML: a list of entity, model, group, code, severity, holds and
   means. The entity is that of the quarantine model which reads the judged one. #}
{% macro quarantine_catalogue() -%}
    {%- set found = [] -%}
    {%- if execute -%}
        {%- for judged in graph.nodes.values() | selectattr('resource_type', 'equalto', 'model') | sort(attribute='name') -%}
            {%- if ((judged.config or {}).get('meta') or {}).get('quarantine_rules') -%}
                {%- set keepers = [] -%}
                {%- for node in graph.nodes.values() -%}
                    {%- if node.name.startswith('quarantine_') and judged.unique_id in node.depends_on.nodes -%}
                        {%- do keepers.append(node.name) -%}
                    {%- endif -%}
                {%- endfor -%}
                {%- for rule in quarantine_rules_of(judged) -%}
                    {%- do found.append({
                        'entity': ((keepers | sort | first) or judged.name) | replace('quarantine_', ''),
                        'model': judged.name, 'group': judged.config.group or judged.group or '',
                        'code': rule.code, 'severity': rule.severity,
                        'holds': rule.holds | trim, 'means': rule.means | trim
                    }) -%}
                {%- endfor -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
    {{ return(found) }}
{%- endmacro %}
