with recursive accounts as (

    select * from {{ ref('stg_oracle__gl_accounts') }}

),

-- Read from the top down. Accounts that are each other's parent hang under no top account and get no level.
placed as (

    select
        accounts.gl_account_id,
        accounts.gl_account_id as top_gl_account_id,
        1 as account_level
    from accounts
    left join accounts as parents on accounts.parent_gl_account_id = parents.gl_account_id
    where parents.gl_account_id is null
    union all
    select
        accounts.gl_account_id,
        placed.top_gl_account_id,
        placed.account_level + 1 as account_level
    from accounts
    inner join placed on accounts.parent_gl_account_id = placed.gl_account_id

),

known as (

    select
        accounts.gl_account_id,
        accounts.parent_gl_account_id,
        placed.top_gl_account_id,
        accounts.gl_account_name,
        parents.gl_account_name as parent_gl_account_name,
        tops.gl_account_name as top_gl_account_name,
        accounts.account_type,
        cast(placed.account_level as integer) as account_level,
        accounts.is_enabled,
        false as is_inferred,
        accounts.start_date,
        accounts.end_date,
        accounts.row_hash,
        accounts.source_ref,
        accounts.load_id,
        accounts.landed_at
    from accounts
    left join placed on accounts.gl_account_id = placed.gl_account_id
    left join accounts as parents on accounts.parent_gl_account_id = parents.gl_account_id
    left join accounts as tops on placed.top_gl_account_id = tops.gl_account_id

),

stand_ins as (

    select
        referenced.gl_account_id,
        'Account that has not landed' as gl_account_name,
        true as is_inferred
    from {{ ref('int_core__gl_account_references') }} as referenced
    left join accounts on referenced.gl_account_id = accounts.gl_account_id
    where accounts.gl_account_id is null
    union all
    select
        'unknown' as gl_account_id,
        'Unknown account' as gl_account_name,
        false as is_inferred

),

members as (

    select
        gl_account_id,
        gl_account_name,
        is_inferred
    from known
    union all
    select
        gl_account_id,
        gl_account_name,
        is_inferred
    from stand_ins

),

final as (

    select
        case
            when members.gl_account_id = 'unknown' then {{ unknown_member_key() }}
            else {{ dbt_utils.generate_surrogate_key(['members.gl_account_id']) }}
        end as gl_account_key,
        members.gl_account_id,
        known.parent_gl_account_id,
        known.top_gl_account_id,
        members.gl_account_name,
        known.parent_gl_account_name,
        known.top_gl_account_name,
        known.account_type,
        known.account_level,
        coalesce(known.is_enabled, false) as is_enabled,
        members.is_inferred,
        known.start_date,
        known.end_date,
        known.row_hash,
        known.source_ref,
        known.load_id,
        known.landed_at
    from members
    left join known on members.gl_account_id = known.gl_account_id

)

select * from final
