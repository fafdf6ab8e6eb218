with source as (

    select * from {{ source('dbt_artifacts', 'nodes') }}

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['invocation_id', 'unique_id']) }} as node_invocation_key,
        invocation_id,
        unique_id as node_id,
        resource_type,
        name as node_name,
        {{ blank_to_null('schema_name') }} as schema_name,
        {{ blank_to_null('alias') }} as relation_alias,
        {{ blank_to_null('materialization') }} as materialization,
        {{ blank_to_null('path') }} as file_path,
        {{ blank_to_null('owner_group') }} as owner_group,
        {{ blank_to_null('tags') }} as tags_json,
        {{ blank_to_null('depends_on') }} as depends_on_json,
        {{ blank_to_null('checksum') }} as file_checksum,
        {{ blank_to_null('attached_node') }} as attached_node_id,
        {{ blank_to_null('severity') }} as severity,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    where coalesce(_is_deleted, false) = false

)

select * from final
