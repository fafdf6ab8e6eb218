with source as (

    {{ rows_if_there(source('retention', 'retention_actions'), {
        'run_id': 'varchar', 'dataset_name': 'varchar', 'cause': 'varchar', 'action': 'varchar', 'predicate': 'varchar',
        'key_digest': 'varchar', 'archive_path': 'varchar', 'archive_sha256': 'varchar', 'done_by': 'varchar',
        'as_of': 'timestamp', 'rows_due': 'bigint', 'rows_held': 'bigint', 'rows_done': 'bigint',
        'done_at': 'timestamp with time zone'
    }) }}

),

final as (

    select
        run_id,
        dataset_name,
        cause as action_cause,
        action as action_name,
        predicate as row_condition,
        key_digest,
        archive_path,
        archive_sha256,
        done_by,
        rows_due,
        rows_held,
        rows_done,
        cast(as_of as {{ dbt.type_timestamp() }}) as as_of_at,
        {{ utc_timestamp('done_at') }} as done_at
    from source

)

select * from final
