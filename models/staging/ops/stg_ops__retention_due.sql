with source as (

    {{ rows_if_there(source('retention', 'retention_due'), {
        'dataset_name': 'varchar', 'policy_name': 'varchar', 'policy_fault': 'varchar',
        'measured_at': 'timestamp with time zone', 'rows_due': 'bigint', 'rows_overdue': 'bigint',
        'rows_due_in_90_days': 'bigint', 'rows_held': 'bigint', 'oldest_due_date': 'date'
    }) }}

),

final as (

    select
        dataset_name,
        policy_name,
        policy_fault,
        rows_due,
        rows_overdue,
        rows_due_in_90_days,
        rows_held,
        oldest_due_date,
        {{ utc_timestamp('measured_at') }} as measured_at
    from source

)

select * from final
