{# dbt run-operation erase_subject --args '{kind: client, id: CL000001}' prints where a person or client stands; with
   {dry_run: false, confirm: true} their rows go, or lose their names, as erasure_action says. tools/erase.py calls this, builds
   again what was made of them, and looks for what is left. #}
{% macro erase_subject(kind, id, dry_run=true, confirm=false) -%}
    {%- if not execute -%}{{ return('') }}{%- endif -%}
    {%- do allow_deletion(dry_run, confirm) -%}
    {%- set frame = read_retention(none, 'erasure') -%}
    {%- if frame.faults -%}
        {{ exceptions.raise_compiler_error('nothing was erased, as the policies cannot be applied:\n  ' ~ frame.faults | join('\n  ')) }}
    {%- endif -%}
    {%- if not dry_run -%}
        {%- for statement in ops_tables(frame.ops) -%}{%- do run_query(statement) -%}{%- endfor -%}
    {%- endif -%}
    {%- for found in erase_in_order(frame, kind, id, dry_run) -%}
        {%- do print('%-44s %-18s %9s rows, %s held' | format(found.dataset, found.action, found.due, found.held)) -%}
    {%- endfor -%}
    {%- do print('dry run: nothing was erased' if dry_run else 'erased as run ' ~ frame.run_id) -%}
{%- endmacro %}

{# One transaction for all of it: half an erased subject would be nobody's to find again. Children before parents. The
   subject's own tombstone makes what lands of it later go the same way.
   Returns what was found: dataset, action, rows due and held. #}
{% macro erase_in_order(frame, kind, id, dry_run) -%}
    {%- set order = purge_order(frame.policies | list, frame.policies) -%}
    {%- set results = [] -%}
    {%- set names = identifiers_of(frame, kind, id) -%}
    {%- do run_query('begin transaction') -%}
    {%- for name in order -%}
        {%- set policy = frame.policies[name] -%}
        {%- for step in erasure_steps(policy, frame, kind, id, names) -%}
            {%- set counted = run_query(count_twice(policy.relation, step.where, step.held)).rows[0] -%}
            {%- set result = {'dataset': name, 'action': step.action, 'held': counted[1] | int,
                'due': (counted[0] | int) - (counted[1] | int), 'done': 0} -%}
            {%- if counted[0] | int -%}{%- do results.append(result) -%}{%- endif -%}
            {%- if result.due and not dry_run and step.sql -%}
                {%- set goes = step.where ~ ' and not ' ~ step.held -%}
                {%- if step.action == 'delete' and policy['keys'] and policy.tombstones != 'none' -%}
                    {%- set digests = dict(policy, tombstones='digest') -%}
                    {%- do remember_deleted(digests, frame, ' from ' ~ policy.relation ~ ' as t where ' ~ goes) -%}
                {%- endif -%}
                {%- do run_query(step.sql ~ ' where ' ~ goes) -%}
                {%- do result.update({'done': result.due}) -%}
                {#- The condition names the subject, so that it is not written down. #}
                {%- do run_query(log_action(dict(policy, action=step.action), frame, result, 'rows of one ' ~ kind)) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if dry_run -%}
        {%- do run_query('rollback') -%}
    {%- else -%}
        {%- do run_query('insert into ' ~ frame.ops ~ '.tombstones (dataset_name, key_digest, cause, as_of, run_id) select '
            ~ sql_text(kind) ~ ', ' ~ key_digest(kind, ['id'], 's', frame) ~ ", 'erasure', " ~ utc_moment(frame.as_of) ~ ', '
            ~ sql_text(frame.run_id) ~ ' from (select ' ~ sql_text(id) ~ ' as id) as s') -%}
        {%- do run_query('commit') -%}
    {%- endif -%}
    {{ return(results) }}
{%- endmacro %}

{# The subject's id, and what else names it where its master record says so: name and e-mail address, not other ids. #}
{% macro identifiers_of(frame, kind, id) -%}
    {%- set names = [id | string] -%}
    {%- for policy in frame.policies.values() if policy['keys'] and policy.subjects.get(kind) == policy['keys'][0] -%}
        {%- for column in policy.personal if column not in policy.subjects.values() and not column.endswith('_id') -%}
            {%- for row in run_query('select distinct cast(t.' ~ column ~ ' as varchar) from ' ~ policy.relation ~ ' as t where '
                    ~ is_about(policy, 't', kind, id, frame) ~ ' and length(cast(t.' ~ column ~ ' as varchar)) >= 5').rows -%}
                {%- do names.append(row[0]) if row[0] not in names -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(names) }}
{%- endmacro %}

{# What erasing means for one dataset: its rows of the subject go, lose their names or stay, then what still names the
   subject elsewhere: personal columns of other rows, and free text such as the payload of a dead letter. #}
{% macro erasure_steps(policy, frame, kind, id, names) -%}
    {%- set steps = [] -%}
    {%- set held = is_held(policy, 't', frame) or 'false' -%}
    {%- set about = is_about(policy, 't', kind, id, frame) -%}
    {%- if policy.everything -%}
        {%- do steps.append({'action': 'delete', 'where': 'true', 'held': 'false', 'sql': 'delete from ' ~ policy.relation ~ ' as t'}) -%}
    {%- elif about and policy.erasure_action == 'delete' -%}
        {%- do steps.append({'action': 'delete', 'where': about, 'held': held, 'sql': 'delete from ' ~ policy.relation ~ ' as t'}) -%}
    {%- elif kind in policy.subjects and policy.erasure_action == 'anonymise' -%}
        {%- do steps.append({'action': 'anonymise', 'where': about, 'held': held,
            'sql': 'update ' ~ policy.relation ~ ' as t set ' ~ anonymous_values(policy, frame, kind)}) -%}
    {%- elif about -%}
        {%- do steps.append({'action': 'stays, unnamed', 'where': about, 'held': held, 'sql': none}) -%}
    {%- endif -%}
    {%- set quoted = [] -%}
    {%- for name in names -%}{%- do quoted.append(sql_text(name)) -%}{%- endfor -%}
    {%- if not policy.everything -%}
        {%- for column in policy.personal if column != policy.subjects.get(kind) and policy.columns[column] == 'VARCHAR' -%}
            {%- do steps.append({'action': 'unname', 'where': 't.' ~ column ~ ' in (' ~ quoted | join(', ') ~ ')', 'held': held,
                'sql': 'update ' ~ policy.relation ~ ' as t set ' ~ column ~ ' = case when ' ~ column ~ ' = ' ~ sql_text(id) ~ ' then '
                    ~ pseudonym(kind, column, frame) ~ " else 'erased' end"}) -%}
        {%- endfor -%}
    {%- endif -%}
    {%- if policy.dataset in ('raw_ops.dead_letters', 'raw_ops.row_changes') -%}
        {%- set ways = [] -%}
        {%- for column in ('payload', 'record_key', 'detail') if column in policy.columns -%}
            {%- for name in names -%}
                {%- do ways.append('coalesce(' ~ mentions('t.' ~ column, name) ~ ', false)') -%}
            {%- endfor -%}
        {%- endfor -%}
        {%- do steps.append({'action': 'delete', 'where': '(' ~ ways | join(' or ') ~ ')', 'held': held,
            'sql': 'delete from ' ~ policy.relation ~ ' as t'}) -%}
    {%- endif -%}
    {{ return(steps) }}
{%- endmacro %}

{# One name for a subject that is nobody's, the same in all datasets, so that rows stay together. #}
{% macro pseudonym(kind, column, frame) -%}
    {{ return("'anon-' || left(" ~ keyed_hash(kind, [column], 't', frame) ~ ', 24)') }}
{%- endmacro %}
